/* The commands of rules, with their options. `inqueue help rules` says how a rule is written. */
#include "loader/cli/rules/rules_internal.h"

#include "loader/cli/entry/filter.h"

#include <glib.h>

static const struct command_option test_options[] = {
    {"entry", "ID", "try them on this entry, as of its arrival", NULL},
    {"last", "N", "try them on the last N entries of the queue, a line for each", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option apply_options[] = {
    FILTER_OPTIONS,
    {"all", NULL, "all entries that wait", NULL},
    {"by", "NAME", "who does it, for the history (default: the user)", NULL},
    {"dry-run", NULL, "say what would be changed, and change nothing", NULL},
    {"yes", NULL, "do not ask", NULL},
    COMMAND_OPTIONS_END,
};

/* In the order of use: written, tried, applied to what is there already. */
static const struct command commands[] = {
    {"rules list", "NAME", 1, 1, "list the rules of a queue, in the order in which they are tried",
     NULL, NULL, NULL, cmd_rules_list, false},
    {"rules set", "NAME NUMBER RULE", 3, 3,
     "give a queue a rule, in place of the one with this number",
     "Stores the rule after it was checked. It counts for mail that comes from now on; `rules "
     "test` tries it, and `rules apply` changes entries that wait. What can never count is named: "
     "a rule behind one that ends the list for every mail, or one whose values a later rule always "
     "replaces.",
     NULL, NULL, cmd_rules_set, false},
    {"rules remove", "NAME NUMBER", 2, 2, "take a rule away", NULL, NULL, NULL, cmd_rules_remove,
     false},
    {"rules move", "NAME FROM TO", 3, 3, "give a rule another number, and so another place", NULL,
     NULL, NULL, cmd_rules_move, false},
    {"rules test", "NAME [FILE]", 1, 2,
     "show what the rules make of a mail, condition by condition; changes nothing",
     "Tries the rules on the message in a file, on an entry, or on the last ones, by the code that "
     "loading uses. For each condition it shows whether it is true, and what was compared.",
     test_options, NULL, cmd_rules_test, false},
    {"rules apply", "NAME", 1, 1, "apply the rules to entries that wait",
     "Tries the rules on the entries in state new that the options choose, and gives them the "
     "priority, the tags "
     "and the hold that the rules say. What an entry has already stays. `defer`, `queue` and "
     "`skip` count only "
     "when mail arrives.",
     apply_options, NULL, cmd_rules_apply, false},
};

const struct command *rules_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
