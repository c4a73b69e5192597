"""What mail programs write around earlier mail and under new mail, in many languages."""
# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

from collections.abc import Mapping
from enum import Enum

from chalicelib.mime.words import phrases, words


class Label(Enum):
    """What the fields of an old mail's header are about, when a mail program writes them out."""

    FROM = "from"
    DATE = "date"
    TO = "to"
    CC = "cc"
    SUBJECT = "subject"


_LABELS_BY_KIND: Mapping[Label, str] = {
    Label.FROM: "from|von|de|da|van|från|fra|od|nadawca|lähettäjä|от|від|от кого|feladó|kimden|gönderen|από|de la|expéditeur"
    "|發件人|发件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|보내는 사람|من|מאת|từ|người gửi|dari|จาก|из|remitente|mittente|afzender|absender",
    Label.DATE: "sent|date|gesendet|gesendet am|datum|envoyé|envoyé le|message du|date d'envoi|enviado|enviado el|enviada em|enviado em"
    "|enviada|fecha|data|inviato|inviata|verzonden|skickat|skickades|sendt|dato|wysłano|wysłane|data wysłania|lähetetty|päivämäärä|pvm"
    "|отправлено|дата|надіслано|odesláno|odoslané|dátum|elküldve|küldve|gönderildi|tarih|gönderme tarihi|trimis|στάλθηκε|ημερομηνία"
    "|发送时间|發送時間|發件時間|发件时间|时间|傳送時間|寄件日期|日期|送信日時|日時|日付|보낸 날짜|보낸날짜|날짜|تاريخ الإرسال|التاريخ|أرسلت|נשלח|תאריך|ngày|đã gửi|dikirim|tanggal|วันที่|ส่ง",
    Label.TO: "to|an|à|a|para|aan|till|til|do|vastaanottaja|кому|до|komu|címzett|kime|alıcı|către|προς|收件人|收件者|宛先|받는 사람|받는사람|إلى|אל"
    "|đến|người nhận|kepada|ถึง|destinataire|destinatario|empfänger",
    Label.CC: "cc|kopie|copie à|copie|copia|kopia|kopi|копия|копія|másolat|bilgi|抄送|副本|抄送人|참조|نسخة|עותק|kopio|c.c",
    Label.SUBJECT: "subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|temat|aihe|тема|předmět|predmet|tárgy|konu|subiect"
    "|θέμα|主题|主題|主旨|件名|제목|الموضوع|נושא|chủ đề|tiêu đề|subjek|perihal|เรื่อง|sujet",
}
LABELS: Mapping[str, Label] = {
    name: label for label, names in _LABELS_BY_KIND.items() for name in phrases(names.casefold())
}

# Above earlier mail, between dashes: "-----Original Message-----", "---------- Forwarded message ---------".
SEPARATORS = frozenset(
    phrases(
        "original message|forwarded message|original appointment|reply message|begin forwarded message|ursprüngliche nachricht"
        "|originalnachricht|original-nachricht|weitergeleitete nachricht|anfang der weitergeleiteten nachricht|message d'origine"
        "|message d’origine|message original|message transféré|message transmis|mensaje original|mensaje reenviado|mensaje original:"
        "|mensagem original|mensagem encaminhada|mensagem reencaminhada|messaggio originale|messaggio inoltrato|messaggio originario"
        "|inizio messaggio inoltrato|inicio del mensaje reenviado|début du message transféré|début du message réexpédié"
        "|oorspronkelijk bericht|origineel bericht|doorgestuurd bericht|ursprungligt meddelande|originalmeddelande"
        "|vidarebefordrat meddelande|oprindelig meddelelse|oprindelig besked|videresendt meddelelse|opprinnelig melding"
        "|videresendt melding|alkuperäinen viesti|välitetty viesti|wiadomość oryginalna|oryginalna wiadomość|wiadomość przekazana"
        "|исходное сообщение|пересылаемое сообщение|пересланное сообщение|перенаправленное сообщение|вихідне повідомлення"
        "|původní zpráva|přeposlaná zpráva|pôvodná správa|eredeti üzenet|továbbított üzenet|orijinal mesaj|özgün ileti"
        "|yönlendirilen mesaj|iletilen ileti|mesaj original|mesaj redirecționat|αρχικό μήνυμα|προωθημένο μήνυμα|原始邮件|原邮件"
        "|转发邮件信息|转发的邮件|邮件原件|原始郵件|轉寄郵件|轉寄的郵件|元のメッセージ|オリジナル メッセージ|転送メッセージ|転送されたメッセージ"
        "|원본 메시지|원본 메일|전달된 메시지|الرسالة الأصلية|رسالة معاد توجيهها|הודעה מקורית|הודעה שהועברה|thư gốc|tin nhắn gốc"
        "|pesan asli|pesan terusan|ข้อความต้นฉบับ"
    )
)

# The same without dashes, where nothing else could be meant.
FORWARD_BEGINS = frozenset(
    phrases(
        "begin forwarded message|anfang der weitergeleiteten nachricht|début du message transféré|début du message réexpédié"
        "|inizio messaggio inoltrato|inicio del mensaje reenviado|início da mensagem encaminhada|start doorgestuurd bericht"
        "|vidarebefordrat brev|rozpoczęcie przesyłanej wiadomości|начало переадресованного сообщения|以下是转发的邮件|開始轉寄郵件"
        "|転送されたメール"
    )
)

# Who wrote: "On 3 May 2024, Ada <ada@example.com> wrote:".
WROTE = phrases(
    "wrote|writes|schrieb|schrieben|a écrit|ha scritto|escribió|escribio|escreveu|schreef|geschreven|skrev|napisał|napisała"
    "|napisał(a)|pisze|kirjoitti|написал|написала|написал(а)|пишет|написав|написала(в)|пише|napsal|napsala|napsal(a)|napísal"
    "|napísal(a)|írta|ezt írta|yazdı|şunu yazdı|a scris|έγραψε|написа|je napisao|napisao je|је написао|rašė|rakstīja|kirjutas"
    "|写道|寫道|寫到|写到|作成|書きました|のメッセージ|작성|썼습니다|님이 쓴 글|كتب|كتبت|כתב|כתבה|đã viết|menulis|เขียนว่า|va escriure|idatzi du|escribiu"
)

# The verbs that stand at the very end of it. The others may be followed by who it was, or when.
WROTE_LAST = phrases("wrote|writes|a écrit|ha scritto|escribió|escribio|kirjoitti|yazdı|a scris|έγραψε")

# How such a line begins, so that one which is wrapped is taken whole.
WROTE_BEGINS = words(
    "on am le el il em op den på dnia w in dne dňa dana la pe kl vào pada at у в от den em ngày tarihinde da"
    " mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday"
    " mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag"
    " lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche"
    " man tir ons tor fre lør søn mandag tirsdag onsdag torsdag fredag lørdag søndag"
    " ma ti ke to pe la su pn wt śr czw pt sob niedz пн вт ср чт пт сб вс нд"
)

# Under mail from a telephone: the whole line, but for the name of what it was sent from.
SENT_FROM = phrases(
    "sent from|sent via|sent with|sent on the go from|get outlook for|get bluemail for|gesendet von|gesendet mit|von meinem|diese nachricht wurde von meinem"
    "|envoyé de|envoyé depuis|envoyé à partir de|télécharger outlook pour|obtenez outlook pour|enviado desde|enviado de|enviado do|enviado via|obtener outlook para"
    "|obtenha o outlook para|inviato da|inviato dal|scarica outlook per|verzonden vanaf|verstuurd vanaf|verstuurd met|skickat från"
    "|skickat från min|hämta outlook för|sendt fra|hent outlook til|lähetetty|wysłane z|wysłano z|отправлено с|отправлено из|надіслано з"
    "|odesláno z|odoslané z|elküldve a|iphone'umdan gönderildi|trimis de pe|στάλθηκε από|发自我的|從我的|发自|傳送自|從我的 iphone 傳送|iphoneから送信"
    "|iphone から送信|나의 iphone에서 보냄|내 iphone에서 보냄|أُرسلت من|נשלח מה|được gửi từ|dikirim dari|ส่งจาก|poslano z"
)
SENT_FROM_ENDS = ("gesendet", "から送信", "에서 보냄", "傳送", "gönderildi", "dan gönderildi")
