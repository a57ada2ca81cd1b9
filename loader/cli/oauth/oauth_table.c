/* The commands of accounts of OAuth 2.0, with their options. The settings of an account are options, too;
 * their words are in loader/oauth. */
#include "loader/cli/oauth/oauth_internal.h"

#include "loader/oauth/oauth.h"

#include <glib.h>

/* Turns a row of the table of settings into an option. */
static bool oauth_setting_option(size_t index, struct command_option *ret_option)
{
	struct oauth_field field;
	if (!oauth_field_at(index, &field))
		return false;
	*ret_option = (struct command_option){field.name, field.value, field.meaning, NULL};
	return true;
}

static const struct command_option login_options[] = {
    {"paste", NULL,
     "grant code: take the address that a browser of any machine was sent to, from the terminal or "
     "standard input",
     NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option check_options[] = {
    {"queue", "NAME", "sign in as this queue does (default: the first that has the account)", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option revoke_options[] = {
    {"yes", NULL, "do not ask", NULL},
    {"here", NULL, "delete the account here only: its provider is not told", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command commands[] = {
    {"oauth login", "NAME", 1, 1, "sign in with OAuth 2.0, and keep the account for queues",
     "Makes an account, or changes the settings that are given, and asks for a first token: at "
     "once where the application signs in by itself (certificate, secret, service-account) or "
     "--refresh-token says where somebody's refresh token is, else "
     "after a person has signed in. Where a person has signed in already and the settings leave "
     "that good, they are kept without asking anybody. A queue uses it with `inqueue queue create "
     "… --oauth NAME`. The account is a file of mode 0600 in the folder DATABASE-oauth; it is kept "
     "when the first token is refused, so that settings need not be given again.",
     login_options, oauth_setting_option, cmd_oauth_login, true},
    {"oauth check", "NAME", 1, 1, "try an account step by step; changes nothing in the mailbox",
     "Asks for a token, looks at what it says of itself, signs in, opens the mailbox and asks for "
     "the right to move mail; the first step that fails is named with what mends it. The token is "
     "not printed.",
     check_options, NULL, cmd_oauth_check, true},
    {"oauth list", "", 0, 0, "list the accounts, and when what they have ends", NULL, NULL, NULL,
     cmd_oauth_list, false},
    {"oauth revoke", "NAME", 1, 1, "take an account's sign-in back, and delete it",
     "Has the provider take the refresh token back where it can (Google, RFC 7009), and deletes "
     "the account. Microsoft has no such request: there an administrator revokes the sessions of "
     "the user, or deletes the application's credential.",
     revoke_options, NULL, cmd_oauth_revoke, true},
};

const struct command *oauth_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
