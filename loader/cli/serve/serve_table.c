/* The commands about programs on other machines, with their options. `inqueue help` and --help print these words. */
#include "loader/cli/serve/serve_internal.h"

#include <glib.h>

static const struct command_option create_options[] = {
    {"may", "read|work|operate|define",
     "read: see queues and entries; work: claim entries, too, and finish those; operate: change "
     "entries, too, as operators do; define: queues, too",
     NULL},
    {"queue", "NAME", "for this queue alone (default: for all)", NULL},
    {"expires", "TIME", "until when: 30d from now, 2027-01-31, or never", "90d"},
    {"by", "NAME", "who makes it, for the list (default: the user)", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option serve_options[] = {
    {"listen", "ADDRESS", "address and port, or unix:PATH; systemd's socket goes first",
     "127.0.0.1:8480"},
    {"tls-certificate", "FILE",
     "the server's certificate with those that lead to its authority, PEM", NULL},
    {"tls-key", "FILE", "its key, PEM, which nobody else may read", NULL},
    {"host", "NAME,…", "names that callers know this server by, besides its address and localhost",
     NULL},
    COMMAND_LOG,
    COMMAND_OPTIONS_END,
};

static const struct command commands[] = {
    {"serve", "", 0, 0, "let programs on other machines claim and finish entries over HTTP",
     "Answers until TERM or INT. Without TLS it listens to this machine alone. Nothing but /health "
     "is "
     "answered until there is a token (`inqueue token create`). It connects to nothing and starts "
     "nothing; mail is loaded by `load` and `watch`, beside it.",
     serve_options, NULL, cmd_serve, false},
    {"token create", "NAME", 1, 1, "make a token for a program on another machine",
     "Prints the token, once: nobody can read it again, as the database holds only its SHA-256. "
     "The name stands in the history of all that the program does. A name whose token is revoked "
     "or past its time can be given again.",
     create_options, NULL, cmd_token_create, false},
    {"token list", "", 0, 0, "list the tokens, what they may, and when they were used last", NULL,
     NULL, NULL, cmd_token_list, false},
    {"token revoke", "NAME", 1, 1, "make a token worthless, at once", NULL, NULL, NULL,
     cmd_token_revoke, false},
};

const struct command *serve_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
