// What the published JavaScript verifier makes of cases: `node ask.js <its folder> < cases.json`.
const {Webhook} = require(process.argv[2]);
const {signed, verified} = JSON.parse(require("fs").readFileSync(0, "utf-8"));

const signature = ({secret, id, timestamp, body}) => new Webhook(secret).sign(id, new Date(timestamp * 1000), body);
const isAccepted = ({secret, headers, body, at}) => {
  Date.now = () => at * 1000;
  try { new Webhook(secret).verify(body, headers); return true; } catch (error) { return false; }
};
console.log(JSON.stringify({signed: signed.map(signature), verified: verified.map(isAccepted)}));
