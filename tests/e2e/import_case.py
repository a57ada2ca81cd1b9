"""What tests of `import` share: a folder of mail, and where files go."""

from inqueue import SOURCE_DIR, LoadCase, message

FROM = b"From ann@example.com Tue Mar  3 08:30:00 2026\n"  # begins each message of an mbox
MESSAGES = sorted((SOURCE_DIR / "samples" / "messages").glob("*.eml"))


def as_sent(raw):
    """With the line ends that a mail server makes of them."""
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class ImportCase(LoadCase):
    def setUp(self):
        super().setUp()
        self.mail = self.folder / "mail"
        self.mail.mkdir()
        for name in ["done", "bad"]:
            (self.folder / name).mkdir()

    def put(self, name, *args, **options):
        """A file with a message, with line feeds alone."""
        path = self.mail / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(message(*args, **options).as_bytes())
        return path

    def import_mail(self, *arguments, **options):
        return self.inqueue("import", "invoices", *(arguments or [self.mail]), **options)

    def imported(self, *arguments):
        result = self.import_mail(*(arguments or [self.mail]), "--json").json()
        return {key: value for key, value in result.items() if key in ("imported", "bad", "known", "faults") and value}

    def names(self, folder):
        return sorted(str(path.relative_to(self.folder / folder)) for path in (self.folder / folder).rglob("*")
                      if path.is_file())
