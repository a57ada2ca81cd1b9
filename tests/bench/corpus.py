"""Mail as a help desk gets it: made from a seed, the same bytes on every machine.

    small   about 6 kB each: 2 kB of header, plain text or an alternative in HTML
    mixed   60 % text of 2 to 20 kB, 30 % with attachments of 20 to 500 kB, 9 % of 0.5 to 3 MB, 1 % of 5 to 25 MB
    large   one message with one attachment in base64

Bodies are in seven languages, a dozen charsets and all transfer encodings; names of files and people are written in the
ways that mail programs have of doing it. Lines end in CRLF.
"""

import base64
import binascii
import email.utils
import math
import random
from urllib.parse import quote

from corpus_words import (DOMAINS, FILE_KINDS, FILE_NAMES, PEOPLE, PICTURE, PLAIN_ENGLISH, SUBJECTS, TEXT_KINDS,
                          UNSPACED, WORDS)

CRLF = b"\r\n"
LINE_BYTES = 57  # that one line of base64 holds: 76 characters
FIRST_DATE_S = 1700000000
QUOTED = [bytes([i]) if (33 <= i <= 126 and i != 61) or i in (9, 32) else b"=%02X" % i for i in range(256)]

DELIVERY_STATUS = b"""\
Reporting-MTA: dns; mail.example.org\r
Arrival-Date: Tue, 1 Jul 2025 10:00:00 +0200\r
\r
Final-Recipient: rfc822; nobody@example.com\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 User unknown\r
"""
RECEIVED = ("Received: from mx{0}.example.net (mx{0}.example.net [192.0.2.{1}])\r\n"
            "\tby mail{0}.example.org (Postfix) with ESMTPS id {2:012X}\r\n\tfor <support@example.org>; {3}")
AUTHENTICATED = ("Authentication-Results: mail.example.org; dkim=pass (2048-bit key) header.d=example.org "
                 "header.i=@example.org;\r\n\tspf=pass smtp.mailfrom=example.org; dmarc=pass")
SIGNATURE = ("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1; t={0};\r\n\tbh={1};\r\n"
             "\th=From:To:Subject:Date:Message-ID:In-Reply-To:References:Content-Type;\r\n\tb={2}")
SPAM_STATUS = ("X-Spam-Status: No, score=-1.9 required=5.0 tests=BAYES_00,DKIM_SIGNED,\r\n"
               "\tDKIM_VALID,SPF_PASS autolearn=ham")
FORWARDED = (b'Content-Type: message/rfc822; name="fwd.eml"\r\n'
             b'Content-Disposition: attachment; filename="fwd.eml"\r\n')
HTML_BEGIN = ('<html><head><meta http-equiv="Content-Type" content="text/html; charset={}"></head>'
              '<body style="font-family:Calibri,Arial">')


def small(count, seed=1):
    """Messages as bytes, one after the other; the first n of a longer corpus are those of a shorter one."""
    maker = Maker(seed)
    for _ in range(count):
        yield maker.text_message(maker.random.randrange(2000, 5000))


def mixed(count, seed=1):
    maker = Maker(seed)
    for _ in range(count):
        yield maker.mixed_message()


def large(size_bytes, seed=1):
    yield Maker(seed).attachment_message(int(size_bytes / 1.37))


class Maker:
    """One stream of messages. Parts are pairs of header and body, both bytes, the header without its blank line."""

    POOL_LINES = 400_000  # of base64, 31 MB: attachments are slices of it

    def __init__(self, seed):
        self.random = random.Random(seed)
        raw = random.Random(seed ^ 0x5eed).randbytes(self.POOL_LINES * LINE_BYTES)
        self.pool = b"".join(base64_line(raw[i:i + LINE_BYTES]) for i in range(0, len(raw), LINE_BYTES))
        self.sequence = 0

    def mixed_message(self):
        kind = self.random.random()
        if kind < .60:
            return self.text_message(self.size_between(2000, 20_000))
        if kind < .90:
            return self.document_message(self.size_between(20_000, 500_000))
        if kind < .99:
            return self.document_message(self.size_between(500_000, 3_000_000))
        return self.attachment_message(self.size_between(5_000_000, 25_000_000))

    def text_message(self, size):
        header = self.next_header()
        part = self.report() if self.random.random() < .04 else self.body(size)
        return header + joined(part)

    def document_message(self, size):
        """Attachments as people send them: forwarded ones, pictures in the text, several files."""
        header = self.next_header()
        kind = self.random.random()
        if kind < .06:
            inner = self.multipart("mixed", [self.body(3000), self.attachment(size)])
            forwarded = self.header(inner=True) + joined(inner)
            parts = [self.body(2500), (FORWARDED, forwarded)]
        elif kind < .35:
            picture = size // 4
            related = self.multipart("related", [self.alternative(4000), self.attachment(picture, "inline", PICTURE)],
                                     ' type="multipart/alternative";')
            parts = [related, self.attachment(size - picture)]
        else:
            return header + joined(self.files(size, kind))
        return header + joined(self.multipart("mixed", parts))

    def attachment_message(self, size):
        header = self.next_header()
        return header + joined(self.files(size, self.random.random()))

    def files(self, size, kind):
        count = 1 if kind < .8 else self.random.randrange(2, 5)
        text = self.body(self.random.randrange(1500, 6000))
        return self.multipart("mixed", [text, *(self.attachment(max(LINE_BYTES, size // count)) for _ in range(count))])

    def report(self):
        explanation = self.text(600, "plain", PLAIN_ENGLISH)
        returned = self.header(inner=True) + joined(self.text(1500, "plain", PLAIN_ENGLISH))
        return self.multipart("report", [explanation,
                                         (b"Content-Type: message/delivery-status\r\n", DELIVERY_STATUS),
                                         (b"Content-Type: message/rfc822\r\n", returned)],
                              " report-type=delivery-status;")

    def body(self, size):
        kind = self.random.random()
        if kind < .35:
            return self.text(size)
        if kind < .95:
            return self.alternative(size)
        return self.text(size, "html")

    def alternative(self, size):
        kind = self.text_kind()
        return self.multipart("alternative", [self.text(size // 3, "plain", kind), self.text(size // 3, "html", kind)])

    def text(self, size, subtype="plain", kind=None):
        kind = kind or self.text_kind()
        lines = self.prose(kind, size)
        if subtype == "html":
            lines = [HTML_BEGIN.format(kind.charset),
                     *(f'<p class="MsoNormal"><span style="font-size:11.0pt">{line}</span></p>' if line
                       else "<p>&nbsp;</p>" for line in lines),
                     "</body></html>"]
        charset = self.random.choice((kind.charset, f'"{kind.charset}"'))
        header = (f"Content-Type: text/{subtype}; charset={charset}\r\n"
                  f"Content-Transfer-Encoding: {kind.transfer_encoding}\r\n")
        text = "".join(line + "\r\n" for line in lines).encode(kind.charset, "replace")
        return header.encode(), transfer_encoded(text, kind.transfer_encoding)

    def text_kind(self):
        return self.random.choices(TEXT_KINDS, [kind.weight for kind in TEXT_KINDS])[0]

    def prose(self, kind, size):
        """Lines of at least `size` bytes in all."""
        separator, longest = ("", 30) if kind.language in UNSPACED else (" ", 68)
        lines, written, line, length = [], 0, [], 0
        while written < size:
            word = self.random.choice(WORDS[kind.language])
            line.append(word)
            length += len(word) + 1
            if length > longest:
                lines.append(separator.join(line))
                written += len(lines[-1].encode(kind.charset, "replace")) + 2
                line, length = [], 0
                if self.random.random() < .12:
                    lines.append("")
                    written += 2
        return lines

    def multipart(self, subtype, parts, parameters=""):
        boundary = f"----=_Part_{self.sequence}_{self.random.getrandbits(64):016x}"
        pieces = [b"" if self.random.random() < .5 else b"This is a multi-part message in MIME format.\r\n"]
        for part in parts:
            pieces += [b"\r\n--" if pieces[-1] else b"--", boundary.encode(), CRLF, joined(part)]
        pieces += [b"\r\n--", boundary.encode(), b"--\r\n"]
        header = f'Content-Type: multipart/{subtype};{parameters}\r\n boundary="{boundary}"\r\n'
        return header.encode(), b"".join(pieces)

    def attachment(self, size, disposition="attachment", kind=None):
        kind = kind or self.random.choices(FILE_KINDS, [kind.weight for kind in FILE_KINDS])[0]
        name = self.random.choice(FILE_NAMES) % self.random.randrange(10**6) + "." + kind.extension
        header = (f"Content-Type: {kind.content_type};\r\n {self.parameter('name', name)}\r\n"
                  f"Content-Transfer-Encoding: base64\r\n"
                  f"Content-Disposition: {disposition};\r\n {self.parameter('filename', name)}\r\n")
        if disposition == "inline":
            header += f"Content-ID: <img{self.random.randrange(10**9)}@example.org>\r\n"
        return header.encode(), self.file(kind.magic, size)

    def file(self, magic, size):
        """In base64: the first line tells the kind, the rest comes from the pool."""
        pieces = [base64_line((magic + self.random.randbytes(LINE_BYTES))[:LINE_BYTES])]
        needed = max(1, size // LINE_BYTES) - 1
        line = LINE_BYTES // 3 * 4 + 2
        while needed > 0:
            first = self.random.randrange(self.POOL_LINES)
            count = min(needed, self.POOL_LINES - first)
            pieces.append(self.pool[first * line:(first + count) * line])
            needed -= count
        return b"".join(pieces)

    def parameter(self, key, name):
        """In one of the ways of real mail programs: RFC 2231, RFC 2047 in quotes, bare UTF-8."""
        if name.isascii() and len(name) < 60:
            return f'{key}="{name}"'
        kind = self.random.random()
        if kind < .45:
            return extended_parameter(key, quote(name, safe=""))
        if kind < .9:
            return f'{key}="{self.encoded_words(name)}"'
        return f'{key}="{name}"'

    def encoded_words(self, text):
        """RFC 2047."""
        if text.isascii():
            return text
        pieces, piece = [], ""
        for character in text:
            if len((piece + character).encode()) > 42:
                pieces.append(piece)
                piece = ""
            piece += character
        pieces.append(piece)
        if self.random.random() < .5:
            return "\r\n ".join(f"=?UTF-8?B?{base64.b64encode(piece.encode()).decode()}?=" for piece in pieces)
        return "\r\n ".join(f"=?utf-8?Q?{q_encoded(piece)}?=" for piece in pieces)

    def next_header(self):
        self.sequence += 1
        return self.header()

    def header(self, inner=False):
        """`inner`: of a message within a message, without what servers add on the way."""
        date_s = FIRST_DATE_S + self.sequence * 37 + self.random.randrange(30)
        date = email.utils.formatdate(date_s)
        message_id = self.message_id(self.sequence)
        subject = self.random.choice(SUBJECTS) % self.random.randrange(10**7)
        fields = [] if inner else self.trace_fields(date_s, date)
        fields += ["From: " + self.address(), 'To: "Support" <support@example.org>',
                   "Subject: " + self.encoded_words(subject), "Date: " + date, "Message-ID: " + message_id]
        if self.random.random() < .2:
            fields.append("Cc: " + ",\r\n ".join(self.address() for _ in range(self.random.randrange(1, 5))))
        if self.random.random() < .5:
            parent = self.message_id(self.random.randrange(10**6))
            fields += ["In-Reply-To: " + parent,
                       "References: " + "\r\n ".join([parent] * self.random.randrange(1, 6))]
        if not inner:
            fields += ["X-Mailer: Microsoft Outlook 16.0", SPAM_STATUS,
                       f"X-Originating-IP: 192.0.2.{self.random.randrange(255)}", "Auto-Submitted: no",
                       "Importance: normal", "Thread-Index: " + base64.b64encode(self.random.randbytes(22)).decode()]
        fields.append("MIME-Version: 1.0")
        return "".join(field + "\r\n" for field in fields).encode()

    def trace_fields(self, date_s, date):
        fields = [f"Return-Path: <user{self.random.randrange(5000)}@example.org>"]
        for number in range(self.random.randrange(2, 5)):
            fields.append(RECEIVED.format(number, self.random.randrange(255), self.random.getrandbits(48), date))
        signature = base64.b64encode(self.random.randbytes(256)).decode()
        lines = "\r\n\t ".join(signature[i:i + 70] for i in range(0, len(signature), 70))
        digest = base64.b64encode(self.random.randbytes(32)).decode()
        return [*fields, AUTHENTICATED, SIGNATURE.format(date_s, digest, lines)]

    def message_id(self, number):
        return f"<{number}.{self.random.getrandbits(64):016x}@mail.example.org>"

    def address(self):
        name = self.random.choice(PEOPLE)
        address = f"user{self.random.randrange(5000)}@{self.random.choice(DOMAINS)}"
        if not name.isascii():
            return f"{self.encoded_words(name)} <{address}>"
        return f'"{name}" <{address}>' if self.random.random() < .8 else address

    def size_between(self, least, most):
        """As many small ones as large ones, on a logarithmic scale."""
        return int(math.exp(self.random.uniform(math.log(least), math.log(most))))


def joined(part):
    header, body = part
    return header + CRLF + body


def base64_line(data):
    return binascii.b2a_base64(data, newline=False) + CRLF


def transfer_encoded(text, encoding):
    if encoding == "base64":
        return base64.encodebytes(text).replace(b"\n", CRLF)
    if encoding == "quoted-printable":
        return b"".join(quoted_printable(line) + CRLF for line in text.split(CRLF)[:-1])
    return text


def quoted_printable(line):
    words = [QUOTED[byte] for byte in line]
    if words and words[-1] in (b" ", b"\t"):
        words[-1] = b"=%02X" % line[-1]
    pieces, length = [], 0
    for word in words:
        if length + len(word) > 75:
            pieces.append(b"=\r\n")
            length = 0
        pieces.append(word)
        length += len(word)
    return b"".join(pieces)


def extended_parameter(key, value):
    """RFC 2231, in segments where it is long; never cut inside an escape."""
    if len(value) < 60:
        return f"{key}*=utf-8''{value}"
    segments = []
    while value:
        length = 50
        while length > 45 and "%" in value[length - 2:length]:
            length -= 1
        charset = "" if segments else "utf-8''"
        segments.append(f"{key}*{len(segments)}*={charset}{value[:length]}")
        value = value[length:]
    return ";\r\n ".join(segments)


def q_encoded(text):
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else "_" if byte == 32 else f"={byte:02X}"
                   for byte in text.encode())
