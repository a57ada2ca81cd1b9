"""Where a queue's password comes from: each source is shown to work by signing in with it, and none of them
leaves the password in the database, in an argument, or on the screen.
"""

import os
import stat
import unittest

from inqueue import CONFIGURATION, CREDENTIALS, USAGE, ServerCase, connection_string


class Password(ServerCase):
    def create(self, *source, **options):
        string = connection_string(self.keys(self.server))
        arguments = ["queue", "create", "q", "--connection-string", string, "--user-name", self.user, *source]
        return self.on_terminal(*arguments, **options) if "answers" in options else self.inqueue(*arguments, **options)

    def tearDown(self):
        """The password is nowhere in the database."""
        if self.database.exists():
            self.assertNotIn(b"correct horse", self.database_bytes())

    def test_file(self):
        self.create("--password-file", self.file("secret", "correct horse\n"))
        self.inqueue("queue", "check", "q")

    def test_file_that_others_can_read(self):
        self.create("--password-file", self.file("secret", "correct horse\n", mode=0o644))
        self.fails(CONFIGURATION, "load", "q", says=["'q'", "secret", "0600|chmod"])

    def test_file_that_is_missing(self):
        self.create("--password-file", self.folder / "nosuch")
        self.fails(CONFIGURATION, "load", "q", says=["'q'", "nosuch"])

    def test_file_that_is_empty(self):
        self.create("--password-file", self.file("secret", "\n"))
        self.fails(CREDENTIALS, "load", "q", says=["'q'", "secret", "empty"])

    def test_file_of_a_windows_editor(self):
        self.create("--password-file", self.file("secret", "\ufeffcorrect horse\r\n"))
        self.inqueue("queue", "check", "q")

    @unittest.skipUnless(os.getuid() == 0, "only root gives files away")
    def test_file_of_another_user(self):
        secret = self.file("secret", "correct horse\n")
        self.create("--password-file", secret)
        os.chown(secret, 65534, 65534)
        self.fails(CONFIGURATION, "load", "q", says=["'q'", "secret", "belongs to nobody"])

    def test_pipe_that_nobody_writes_to(self):
        os.mkfifo(self.folder / "secret", 0o600)
        self.create("--password-file", self.folder / "secret")
        self.fails(CREDENTIALS, "load", "q", says=["'q'", "secret", "empty"])

    def test_environment(self):
        self.create("--password-env", "ROBOT_PASSWORD")
        self.inqueue("queue", "check", "q", env={"ROBOT_PASSWORD": "correct horse"})
        self.fails(CONFIGURATION, "queue", "check", "q", says=["'q'", "ROBOT_PASSWORD"])

    def test_command(self):
        script = self.file("answer", "#!/bin/sh\necho correct $1\necho second line\n", mode=0o700)
        self.create("--password-command", f"{script} horse")
        self.inqueue("queue", "check", "q")

    def test_command_is_no_shell(self):
        self.create("--password-command", "echo $HOME; touch marker")
        self.fails(CREDENTIALS, "load", "q", says="'q'")
        self.assertFalse((self.folder / "marker").exists())

    def test_command_that_fails(self):
        self.create("--password-command", "false")
        self.fails(CREDENTIALS, "load", "q", says=["'q'", "false"])

    def test_last_line_of_a_command_that_fails_says_why(self):
        """Without what it has printed; it may be the password all the same."""
        for option, name in [("--password-command", "password command"), ("--token-command", "token command")]:
            for last, shown in [("printf 'certificate expired\\n \\n'", "certificate expired"),
                                ("echo no s3cret-of-the-tests", r"no \*\*\*"), ("printf '\\033[31mred'", r"\\x1b\[31mred"),
                                ("true", None)]:
                with self.subTest(option=option, last=last):
                    script = self.file("answer", f"#!/bin/sh\necho s3cret-of-the-tests\necho one >&2\n{last} >&2\nexit 3\n"
                                       if shown else "#!/bin/sh\nexit 3\n", mode=0o700)
                    self.create(option, script)
                    result = self.inqueue("load", "q", expect=CREDENTIALS)
                    said = f"{name} '{script}' failed \\(exit status 3\\)" + (f": {shown}" if shown else "")
                    self.assertRegex(result.stderr.splitlines()[-1], f"inqueue: load 'q': {said}$")
                    message, = self.column("SELECT last_message FROM work_queue")
                    self.assertRegex(message, f"^Error: {said}$")
                    self.assertNotIn("s3cret", message)
                    self.inqueue("queue", "drop", "q", "--yes")

    def test_token_command_that_prints_json(self):
        for answer in ['{"access_token": "s3cret-of-the-tests"}', '{\n  "access_token": "s3cret"\n}']:
            self.create("--token-command", self.file("answer", f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n", mode=0o700))
            result = self.fails(CREDENTIALS, "load", "q", says="load 'q': the token command printed '{'")
            self.assertNotIn("s3cret", result.stderr)
            self.assertEqual([], self.sql("SELECT * FROM queue_health WHERE refusals > 0"))
            self.inqueue("queue", "drop", "q", "--yes")

    def test_lines_of_windows_from_every_source(self):
        text = "\ufeffcorrect horse\r\n"
        script = self.file("answer", f"#!/bin/sh\nprintf '{text.replace(chr(13), chr(92) + 'r')}'\n", mode=0o700)
        self.file("robot", text)
        for source in [("--password-command", script), ("--password-env", "ROBOT"), ("--password-credential", "robot")]:
            with self.subTest(source=source):
                self.create(*source)
                self.inqueue("queue", "check", "q", env={"ROBOT": text, "CREDENTIALS_DIRECTORY": str(self.folder)})
                self.inqueue("queue", "drop", "q", "--yes")

    def test_systemd_credential(self):
        self.file("robot", "correct horse")
        self.create("--password-credential", "robot")
        self.inqueue("queue", "check", "q", env={"CREDENTIALS_DIRECTORY": str(self.folder)})
        self.fails(CONFIGURATION, "queue", "check", "q", says=["'q'", "CREDENTIALS_DIRECTORY"])

    def test_prompt_keeps_the_answer_in_a_private_file(self):
        shown = self.create(answers=[(r"Password of .* for queue 'q': ", "correct horse\n")]).stdout
        self.assertNotIn("correct horse", shown, "echoed")
        kept, = self.folder.glob("inqueue.db-secrets/*")
        self.assertEqual(0o600, stat.S_IMODE(kept.stat().st_mode))
        self.assertEqual(0o700, stat.S_IMODE(kept.parent.stat().st_mode))
        self.inqueue("queue", "check", "q")
        self.inqueue("queue", "alter", "q", "--name", "renamed")
        self.inqueue("queue", "check", "renamed")
        self.on_terminal("queue", "alter", "renamed", "--password-prompt", answers=[("Password", "wrong\n")])
        self.fails(CREDENTIALS, "queue", "check", "renamed", says="'renamed'")
        self.inqueue("queue", "drop", "renamed", "--yes")
        self.assertEqual([], list(self.folder.glob("inqueue.db-secrets/*")))

    def test_prompt_needs_a_terminal(self):
        result = self.create(expect=USAGE)
        self.assertRegex(result.stderr, r"queue 'q'.*terminal")
        if self.database.exists():
            self.assertEqual([], self.sql("SELECT name FROM work_queue"))

    def test_never_on_the_command_line(self):
        result = self.create("--password", "correct horse", expect=USAGE)
        self.assertRegex(result.stderr, "never.*--password-file")
        self.assertNotIn("correct horse", result.stderr)


if __name__ == "__main__":
    unittest.main()
