/* What a mail is about: finds the reference in it as its queue says, by "message-id", "header:NAME",
 * "subject:EXPRESSION", "body:EXPRESSION" or "plus-address[:ADDRESS]". */
#include "loader/rules/rules_internal.h"

#include <string.h>

/* Where a server says whom a mail was for, and then whom its author says. The server counts first: a mail to a
 * list, or by Bcc, names the list or nobody in To. */
static const char *const delivered_fields[] = {"x-original-to", "delivered-to", "envelope-to"};
static const char *const addressed_fields[] = {"to", "cc"};

enum reference_kind {
	REFERENCE_MESSAGE_ID,
	REFERENCE_HEADER,
	REFERENCE_SUBJECT,
	REFERENCE_BODY,
	REFERENCE_PLUS_ADDRESS,
};

struct rule_reference {
	enum reference_kind kind;
	char *name;	      /* of the field, in lower case; of the mailbox, NULL = any */
	struct rule_key *key; /* the expression */
};

/* ---- as an operator writes it ---- */

/* Whether something stands behind the colon, and has to. */
static const struct reference_row {
	const char *name;
	enum reference_kind kind;
	enum { NOTHING, MAYBE, NEEDED } value;
} rows[] = {
    {"message-id", REFERENCE_MESSAGE_ID, NOTHING},   {"header", REFERENCE_HEADER, NEEDED},
    {"subject", REFERENCE_SUBJECT, NEEDED},	     {"body", REFERENCE_BODY, NEEDED},
    {"plus-address", REFERENCE_PLUS_ADDRESS, MAYBE},
};

static const struct reference_row *find_row(const char *text, size_t length)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (strlen(rows[i].name) == length &&
		    g_ascii_strncasecmp(rows[i].name, text, length) == 0)
			return &rows[i];
	}
	return NULL;
}

/* One sentence for all that is wrong with the form: it names what there is. */
static int fail_form(struct error *err)
{
	return error_set(err, ERROR_CONFIGURATION,
			 "takes message-id, header:NAME, subject:EXPRESSION, body:EXPRESSION, "
			 "plus-address or plus-address:ADDRESS");
}

void rule_reference_free(void *data)
{
	struct rule_reference *reference = data;
	if (reference == NULL)
		return;
	g_free(reference->name);
	rule_key_free(reference->key);
	g_free(reference);
}
SCOPED_DEFINE(struct rule_reference *, rule_reference_free)

/* The part in parentheses is the reference, so that one has to be there. */
static int parse_expression(const char *text, struct rule_reference *reference, struct error *err)
{
	if (rule_key_new(MATCH_REGEX, text, &reference->key, err) != 0)
		return -1;
	return rule_key_captures(reference->key)
		   ? 0
		   : error_set(err, ERROR_CONFIGURATION,
			       "the expression \"%s\" has no part in parentheses, which would be "
			       "the reference: '%s:Order (\\d+)'",
			       text, reference->kind == REFERENCE_BODY ? "body" : "subject");
}

/* Checked as it will be used, so that what is stored can be read. */
int rule_reference_parse(const char *text, struct rule_reference **ret_reference, struct error *err)
{
	scoped(rule_reference_free) struct rule_reference *reference =
	    g_new0(struct rule_reference, 1);
	const size_t length = strcspn(text, ":");
	const char *value = text[length] == ':' ? text + length + 1 : "";
	const struct reference_row *row = find_row(text, length);
	if (row == NULL || (row->value == NOTHING && text[length] != '\0') ||
	    (row->value == NEEDED && *value == '\0'))
		return fail_form(err);
	reference->kind = row->kind;
	if ((row->kind == REFERENCE_SUBJECT || row->kind == REFERENCE_BODY) &&
	    parse_expression(value, reference, err) != 0)
		return -1;
	if (row->kind == REFERENCE_HEADER && strpbrk(value, ": \t") != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "'%s' is no name of a header field: 'header:X-Order-Id'", value);
	if (row->kind == REFERENCE_PLUS_ADDRESS && *value != '\0' && strchr(value, '@') == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "'%s' is no address: 'plus-address:robot@example.com'", value);
	if (reference->key == NULL && *value != '\0')
		reference->name = g_utf8_casefold(value, -1);
	*ret_reference = steal(&reference);
	return 0;
}

/* For the definition of a queue, which keeps the text and not what it means. */
int rules_check_reference(const char *text, struct error *err)
{
	scoped(rule_reference_free) struct rule_reference *reference = NULL;
	return rule_reference_parse(text, &reference, err);
}

/* ---- in a mail ---- */

/* Runs of blanks become one, none is left at the ends; NULL for what is empty then, or too long. Takes `text` over. */
static char *tidy(char *text)
{
	GString *tidied = g_string_new(NULL);
	for (const char *at = text; at != NULL && *at != '\0'; at = g_utf8_next_char(at)) {
		const gunichar c = g_utf8_get_char(at);
		if (!g_unichar_isspace(c) && !g_unichar_iscntrl(c))
			g_string_append_unichar(tidied, c);
		else if (tidied->len > 0 && tidied->str[tidied->len - 1] != ' ')
			g_string_append_c(tidied, ' ');
	}
	if (tidied->len > 0 && tidied->str[tidied->len - 1] == ' ')
		g_string_truncate(tidied, tidied->len - 1);
	g_free(text);
	const bool fits = tidied->len > 0 && tidied->len <= ENTRY_REFERENCE_MAX;
	return g_string_free(tidied, !fits);
}

/* The first value that says something. */
static char *find_in(const struct rule_reference *reference, const GPtrArray *values,
		     bool *ret_gave_up)
{
	char *found = NULL;
	for (guint i = 0; i < values->len && found == NULL; i++) {
		const struct rule_value *value = g_ptr_array_index(values, i);
		found = tidy(reference->key != NULL
				 ? rule_key_capture(reference->key, value, ret_gave_up)
				 : g_strdup(value->text));
	}
	return found;
}

/* What stands between the first '+' and the '@' of "robot+4711@example.com"; NULL where there is none, or the mailbox is
 * another one. */
static char *find_detail(const struct rule_reference *reference, const char *address)
{
	const char *at = strrchr(address, '@');
	const char *plus = at != NULL ? memchr(address, '+', (size_t)(at - address)) : NULL;
	if (plus == NULL || plus == address)
		return NULL;
	if (reference->name != NULL) {
		g_autofree char *mailbox =
		    g_strdup_printf("%.*s%s", (int)(plus - address), address, at);
		g_autofree char *folded = g_utf8_casefold(mailbox, -1);
		if (strcmp(folded, reference->name) != 0)
			return NULL;
	}
	return tidy(g_strndup(plus + 1, (gsize)(at - plus - 1)));
}

/* The first address that has a detail: the others may be those of people. */
static char *find_detail_in(const struct rule_reference *reference, const GPtrArray *addresses)
{
	char *found = NULL;
	for (guint i = 0; i < addresses->len && found == NULL; i++) {
		const struct rule_value *address = g_ptr_array_index(addresses, i);
		found = find_detail(reference, address->text);
	}
	return found;
}

/* Fields of the server are read by name, since an entry keeps only those of the author apart. */
static char *find_plus_address(const struct rule_reference *reference, struct rule_facts *facts)
{
	char *found = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(delivered_fields) && found == NULL; i++) {
		const GPtrArray *values = rule_facts_header(facts, delivered_fields[i]);
		for (guint k = 0; k < values->len && found == NULL; k++) {
			const struct rule_value *value = g_ptr_array_index(values, k);
			g_autoptr(GPtrArray) addresses = rule_addresses_read(value->text, PART_ALL);
			found = find_detail_in(reference, addresses);
		}
	}
	for (size_t i = 0; i < G_N_ELEMENTS(addressed_fields) && found == NULL; i++)
		found = find_detail_in(reference,
				       rule_facts_address(facts, addressed_fields[i], PART_ALL));
	return found;
}

/* The beginning of the body alone, as for rules: a number that is meant stands there. */
static int find_in_body(const struct rule_reference *reference, struct rule_facts *facts,
			char **ret_found, struct error *err)
{
	struct rule_value *body;
	if (rule_facts_body(facts, &body, err) != 0)
		return -1;
	*ret_found = tidy(rule_key_capture(reference->key, body, &facts->gave_up));
	return 0;
}

/* NULL: the mail has no such reference, and is an entry like any other. */
int rule_reference_find(const struct rule_reference *reference, struct rule_facts *facts,
			char **ret_found, struct error *err)
{
	switch (reference->kind) {
	case REFERENCE_MESSAGE_ID:
		*ret_found = tidy(g_strdup(facts->mail->entry->message_id));
		return 0;
	case REFERENCE_HEADER:
		*ret_found =
		    find_in(reference, rule_facts_header(facts, reference->name), &facts->gave_up);
		return 0;
	case REFERENCE_SUBJECT:
		*ret_found =
		    find_in(reference, rule_facts_header(facts, "subject"), &facts->gave_up);
		return 0;
	case REFERENCE_BODY:
		return find_in_body(reference, facts, ret_found, err);
	case REFERENCE_PLUS_ADDRESS:
		*ret_found = find_plus_address(reference, facts);
		return 0;
	}
	return error_set(err, ERROR_SOFTWARE, "a kind of reference is not known");
}
