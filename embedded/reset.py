"""`make reset`: clears the data folder, unless something runs on it. Standard library only."""

import sys

from embedded.data_folder import DEFAULT_DATA_FOLDER, DataFolder, DataFolderError


def main() -> int:
    try:
        DataFolder(DEFAULT_DATA_FOLDER).clear()
    except DataFolderError as error:
        print(error, file=sys.stderr)
        return 1
    print("The data is cleared; the next start begins anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
