"""winmail.dat files as Outlook writes them (MS-OXTNEF, MS-OXRTFCP), and the mail that they come in.

`python3 tnef.py FOLDER` writes the samples of tests/data/mail anew.
"""

import base64
import pathlib
import struct
import sys
import zlib

PREFILL = (b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
           b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
           b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx")
LONG, BOOLEAN, OBJECT, STRING, UNICODE, BINARY, TIME = 3, 0xb, 0xd, 0x1e, 0x1f, 0x102, 0x40


def attribute(level, number, data):
    return struct.pack("<BII", level, number, len(data)) + data + struct.pack("<H", sum(data) & 0xffff)


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def prop(kind, number, value):
    head = struct.pack("<HH", kind, number)
    if kind in (LONG, BOOLEAN):
        return head + struct.pack("<I", value)
    if kind == TIME:
        return head + struct.pack("<Q", value)
    if kind == UNICODE:
        value = (value + "\0").encode("utf-16-le")
    return head + struct.pack("<II", 1, len(value)) + padded(value)


def named(kind, name, value):
    """A property that has a name in place of a number of its own."""
    whole = prop(kind, 0x8001, value)
    text = (name + "\0").encode("utf-16-le")
    return whole[:4] + b"\x08\x20\x06" + b"\0" * 13 + struct.pack("<II", 1, len(text)) + padded(text) + whole[4:]


def properties(*listed):
    return struct.pack("<I", len(listed)) + b"".join(listed)


def compressed(rtf):
    """LZFu, with the longest reference at each place."""
    window, out, tokens, flags = bytearray(PREFILL), bytearray(), bytearray(), 0
    count, at = 0, 0

    def token(piece, is_reference):
        nonlocal tokens, flags, count
        tokens += piece
        flags |= is_reference << count
        count += 1
        if count == 8:
            out.append(flags)
            out.extend(tokens)
            tokens, flags, count = bytearray(), 0, 0

    while at < len(rtf):
        length = min(17, len(rtf) - at)
        start = max(0, len(window) - 4000)
        while length > 2 and window.find(rtf[at:at + length], start) < 0:
            length -= 1
        if length > 2:
            found = window.find(rtf[at:at + length], start)
            token(struct.pack(">H", found % 4096 << 4 | length - 2), 1)
        else:
            length = 1
            token(rtf[at:at + 1], 0)
        window += rtf[at:at + length]
        at += length
    token(struct.pack(">H", len(window) % 4096 << 4), 1)
    if count:
        out.append(flags)
        out += tokens
    return struct.pack("<III4s", len(out) + 12, len(rtf), 0x75465a4c, struct.pack("<I", zlib.crc32(out))) + out


def uncompressed(rtf):
    return struct.pack("<III4s", len(rtf) + 12, len(rtf), 0x414c454d, b"\0" * 4) + rtf


def file(*listed, title=b"", data=None):
    parts = [attribute(2, 0x00069002, b"\x01\0" + b"\xff" * 12)]
    if title:
        parts.append(attribute(2, 0x00018010, title + b"\0"))
    if data is not None:
        parts.append(attribute(2, 0x0006800f, data))
    return b"".join(parts) + attribute(2, 0x00069005, properties(*listed))


def stream(*listed, files=(), body=None, code_page=1252):
    parts = [struct.pack("<IH", 0x223e9f78, 1), attribute(1, 0x00089006, struct.pack("<I", 0x10000)),
             attribute(1, 0x00069007, struct.pack("<II", code_page, 0)),
             attribute(1, 0x00078008, b"IPM.Microsoft Mail.Note\0")]
    if body is not None:
        parts.append(attribute(1, 0x0002800c, body + b"\0"))
    return b"".join(parts) + attribute(1, 0x00069003, properties(*listed)) + b"".join(files)


def mail(subject, winmail, text=None, content_type="application/ms-tnef"):
    """The message around a winmail.dat."""
    head = ["From: Ann <ann@example.com>", "To: robot@example.com", f"Subject: {subject}",
            "Date: Mon, 3 Mar 2025 08:00:00 +0000", "MIME-Version: 1.0"]
    part = [f'Content-Type: {content_type}; name="winmail.dat"', "Content-Transfer-Encoding: base64", "",
            base64.encodebytes(winmail).decode().rstrip("\n").replace("\n", "\r\n")]
    if text is None:
        return "\r\n".join(head + part + [""]).encode()
    return "\r\n".join(head + ['Content-Type: multipart/mixed; boundary="b"', "", "--b",
                               "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", text,
                               "--b"] + part + ["--b--", ""]).encode()


PDF = b"%PDF-1.4 fake\n"
PNG = b"\x89PNG\r\n\x1a\nfake"
HTML_RTF = (rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fswiss\fcharset204 Arial;}}"
            rb"{\*\generator Riched20}\uc1\pard\plain\deftab360 \f0\fs24 "
            rb"{\*\htmltag19 <html>}{\*\htmltag50 <body>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 "
            rb"Gr\'fc\'dfe, {\*\htmltag84 <b>}\htmlrtf {\b\htmlrtf0 Ann{\*\htmltag92 </b>}\htmlrtf }\htmlrtf0 "
            rb"{\*\htmltag84 &lt;}\htmlrtf <\htmlrtf0 \f1\'cf\'ee\f0 \u8364?"
            rb"{\*\htmltag72 </p>}\htmlrtf \par}\htmlrtf0 {\*\htmltag58 </body>}{\*\htmltag27 </html>}}" b"\0")
CYRILLIC_RTF = (rb"{\rtf1\ansi\ansicpg1251\deff0{\fonttbl{\f0\fnil\fcharset204 Arial;}}{\info{\author Ann}}"
                b"\r\n" rb"\viewkind4\uc1\pard\lang1049\f0\fs20 \'cf\'f0\'e8\'e2\'e5\'f2, \u1084?\u1080?\u1088?!\par" b"\r\n"
                rb"Order\tab 4711 \{twelve boxes\}\par }" b"\0")


def samples():
    """Mail by the name of its file."""
    inner = stream(prop(UNICODE, 0x1000, "The forwarded text."),
                   files=[file(prop(UNICODE, 0x3707, "list.csv"), title=b"list.csv", data=b"4711;12\n")])
    quote = file(prop(UNICODE, 0x3707, "Angebot für Ann.pdf"), prop(STRING, 0x370e, b"application/pdf\0"),
                 prop(BINARY, 0x3701, PDF), title=b"ANGEBO~1.PDF")
    logo = file(prop(UNICODE, 0x3707, "logo.png"), prop(UNICODE, 0x3712, "logo@example.com"), title=b"logo.png", data=PNG)
    forwarded = file(prop(UNICODE, 0x3001, "Order 4711"), prop(LONG, 0x3705, 5),
                     prop(OBJECT, 0x3701, b"\x07\x03\x02\0" + b"\0" * 12 + inner))
    cyrillic = stream(prop(TIME, 0x0039, 0x1db8c0d2f1a2b30), prop(BINARY, 0x1009, compressed(CYRILLIC_RTF)),
                      files=[file(title="Заказ.txt".encode("cp1251"), data=b"12 boxes\n")], code_page=1251)
    report = stream(prop(STRING, 0x1001, b"Message was read on:\0"),
                    files=[file(prop(UNICODE, 0x3707, "values.dat"), data=b"1;2\n")])
    html = stream(named(UNICODE, "Keywords", "red"), prop(BINARY, 0x1009, compressed(HTML_RTF)),
                  files=[logo, forwarded])
    plain = stream(prop(BINARY, 0x1009, uncompressed(CYRILLIC_RTF)), files=[quote],
                   body="Grüße aus Köln".encode("cp1252"))
    return {
        "winmail-behind-text": mail("Quote", plain, text="Grüße aus Köln"),
        "winmail-alone": mail("Order", cyrillic),
        "winmail-html-in-rtf": mail("Hello", html, text="Grüße, Ann", content_type="application/octet-stream"),
        "winmail-cut-off": mail("Order", cyrillic[:-30]),
        "winmail-report": mail("Read", report),
        "winmail-is-none": mail("Order", b"MZ this is something else", text="See the file."),
    }


if __name__ == "__main__":
    for name, content in samples().items():
        (pathlib.Path(sys.argv[1]) / f"{name}.eml").write_bytes(content)
