"""Makes the files beside it: accounts as Django, a bcrypt app and an Argon2 app export them.

The tests read what was made; to make it anew:
    python3 -m venv venv && venv/bin/pip install django==5.2.19 bcrypt==5.0.0 argon2-cffi==25.1.0
    venv/bin/python make.py
"""
import csv
import json
from pathlib import Path

import argon2
import bcrypt
import django
from django.conf import settings

HERE = Path(__file__).parent
HASHERS = "django.contrib.auth.hashers."
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PASSWORD_HASHERS=[
        HASHERS + name
        for name in [
            "PBKDF2PasswordHasher",
            "ScryptPasswordHasher",
            "Argon2PasswordHasher",
            "BCryptPasswordHasher",
            "BCryptSHA256PasswordHasher",
        ]
    ],
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

PASSWORDS = {
    "django": "sesame, open wide",
    "bcrypt": "pässwörd of the old app",
    "argon2": "пароль старого сайта",
}


def from_django():
    """Every hasher that Django ships and an app may have switched to, with its own parameters."""
    call_command("migrate", verbosity=0)
    for hasher in ["pbkdf2_sha256", "scrypt", "argon2", "bcrypt", "bcrypt_sha256"]:
        user = User(username=f"django_{hasher}", email=f"{hasher}@django.example", first_name="Dj", last_name="Ango")
        from django.contrib.auth.hashers import make_password

        user.password = make_password(PASSWORDS["django"], hasher=hasher)
        user.save()
    User.objects.create_user("django_none", "none@django.example")  # unusable: "!" and random letters
    with open(HERE / "django.jsonl", "w") as out:
        for user in User.objects.order_by("id"):
            row = {
                "email": user.email,
                "username": user.username,
                "name": user.get_full_name(),
                "password_hash": user.password,
                "email_verified": True,
            }
            out.write(json.dumps({key: value for key, value in row.items() if value != ""}) + "\n")


def from_bcrypt():
    rows = []
    for name, prefix, cost in [("ann", b"2b", 12), ("bob", b"2a", 10), ("cid", b"2b", 4)]:
        made = bcrypt.hashpw(PASSWORDS["bcrypt"].encode(), bcrypt.gensalt(cost, prefix=prefix))
        rows.append([f"{name}@bcrypt.example", made.decode(), name.title(), "true" if name == "ann" else "false"])
    # PHP writes $2y$ for the same function.
    php = bcrypt.hashpw(PASSWORDS["bcrypt"].encode(), bcrypt.gensalt(10)).decode().replace("$2b$", "$2y$")
    rows.append(["php@bcrypt.example", php, "", ""])
    # As long as bcrypt can see. A longer password with the same beginning must not fit.
    longest = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    rows.append(["longest@bcrypt.example", longest.decode(), "", ""])
    with open(HERE / "bcrypt.csv", "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["email", "password_hash", "name", "email_verified"])
        writer.writerows(rows)


def from_argon2():
    hashers = {
        "default": argon2.PasswordHasher(),
        "small": argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1),
        "i": argon2.PasswordHasher(type=argon2.Type.I),
        "d": argon2.PasswordHasher(type=argon2.Type.D),
        # As Hardpan makes them.
        "same": argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, salt_len=16),
    }
    with open(HERE / "argon2.jsonl", "w") as out:
        for name, hasher in hashers.items():
            row = {"email": f"{name}@argon2.example", "password_hash": hasher.hash(PASSWORDS["argon2"])}
            out.write(json.dumps(row) + "\n")


from_django()
from_bcrypt()
from_argon2()
with open(HERE / "passwords.json", "w") as out:
    json.dump(PASSWORDS, out, ensure_ascii=False, indent=2)
    out.write("\n")
