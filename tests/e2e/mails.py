"""Mail as real programs write it, byte for byte."""

import base64
import struct
import zlib
from email.message import EmailMessage
from email.utils import format_datetime
from datetime import datetime, timezone, timedelta

SUBJECT = "ご注文ありがとうございます【第12号】①㈱髙島屋"
TEXT = "山田様\n\nいつもお世話になっております。\nご注文を承りました。〜ABC〜\n\n--\n株式会社サンプル\n"
HTML = ("<html><head><style>p{color:red}</style></head><body><p>山田様</p><p>ご注文を<b>承りました</b>。</p>"
        "<a href=\"https://shop.example.jp/o/12\">注文を見る</a></body></html>")


def png(width=8, height=8):
    """A real PNG picture."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + b"".join(bytes((x * 30 % 256, y * 30 % 256, 128)) for x in range(width))
                    for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def order(sender="店 <shop@example.jp>", to=("山田 <yamada@example.org>",), cc=("経理 <keiri@example.org>",)):
    """A shop's confirmation: Japanese subject, text and HTML, a picture. Bytes with CRLF."""
    mail = EmailMessage()
    mail["From"] = sender
    if to:
        mail["To"] = ", ".join(to)
    if cc:
        mail["Cc"] = ", ".join(cc)
    mail["Subject"] = SUBJECT
    mail["Date"] = format_datetime(datetime(2026, 11, 7, 9, 30, tzinfo=timezone(timedelta(hours=9))))
    mail["Message-ID"] = "<order-12@shop.example.jp>"
    mail["X-Mailer"] = "注文システム 2.1"
    mail.set_content(TEXT, cte="base64")
    mail.add_alternative(HTML, subtype="html", cte="quoted-printable")
    mail.add_attachment(png(), maintype="image", subtype="png", filename="領収書 第12号.png")
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


def jis(text):
    """An RFC 2047 word in ISO-2022-JP, as Japanese mailers have written it for decades."""
    return b"=?ISO-2022-JP?B?" + base64.b64encode(text.encode("iso-2022-jp")) + b"?="


def old_japanese():
    """Outlook Express style: ISO-2022-JP in header and body, 7bit."""
    return (b"From: " + jis("鈴木") + b" <suzuki@example.jp>\r\n"
            b"To: " + jis("山田太郎") + b" <yamada@example.org>\r\n"
            b"Subject: " + jis("日本語の件名") + b"\r\n " + jis("です。") + b"\r\n"
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"iso-2022-jp\"\r\n"
            b"Content-Transfer-Encoding: 7bit\r\n\r\n"
            + "本文です。カタカナも。\r\n".encode("iso-2022-jp"))


def erp_raw():
    """An ERP that writes Shift_JIS into header and body and says nothing about it, bare LF."""
    return ("From: erp@example.jp\nTo: buyer@example.org\nSubject: 発注書の送付\n\n"
            "発注書を送付します。\n金額：①２，０００円\n").encode("cp932")


def cron():
    """What cron's child writes."""
    return (b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@web1> /usr/local/bin/backup\n"
            b"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
            b"X-Cron-Env: <SHELL=/bin/sh>\nX-Cron-Env: <HOME=/root>\n\n"
            + "バックアップに失敗しました: disk full\n".encode())


def with_attachment(size, name="data.bin"):
    """A mail with one attachment of `size` bytes whose content is known: (message, bytes)."""
    content = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    body = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return (b"From: a@example.jp\r\nTo: b@example.org\r\nSubject: big\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n\r\nsee the file\r\n--=_b\r\n"
            b"Content-Type: application/octet-stream; name=\"" + name.encode() + b"\"\r\n"
            b"Content-Disposition: attachment; filename=\"" + name.encode() + b"\"\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + body + b"--=_b--\r\n"), content
