"""Makes passwords.bin beside it from the lists of two npm packages, both MIT (see LICENSE):

    npm pack zxcvbn@4.4.2 @zxcvbn-ts/language-common@4.1.3 && for file in *.tgz; do tar xzf $file --one-top-level; done
    python3 make.py zxcvbn-4.4.2/package/lib/frequency_lists.js zxcvbn-ts-language-common-4.1.3/package/src/passwords.json

What is kept of a password is the beginning of its SHA-256, four bytes, in order.
"""
import hashlib
import json
import re
import sys
import unicodedata
from pathlib import Path

script, array = (Path(name).read_text() for name in sys.argv[1:])
words = re.search(r'passwords: ?"([^"]*)"', script).group(1).split(",") + json.loads(array)
words = {unicodedata.normalize("NFKC", word).lower() for word in words}
prefixes = {hashlib.sha256(word.encode()).digest()[:4] for word in words if word}
Path(__file__).with_name("passwords.bin").write_bytes(b"".join(sorted(prefixes)))
