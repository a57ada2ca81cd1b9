/* Reads what is written to be read by programs: the fields of a delivery-status (RFC 3464), those of a
 * returned message, and status codes wherever they stand (RFC 3463, RFC 5321). */
#include "mime/auto_class.h"

#include <string.h>

/* --- fields -------------------------------------------------------------------- */

/* Bytes of the line, without its newline; *at goes behind it. */
static const char *line_next(const char **at, size_t *ret_length)
{
	const char *line = *at;

	*ret_length = strcspn(line, "\n");
	*at = line + *ret_length + (line[*ret_length] ? 1 : 0);
	return line;
}

/* The value behind "Name:"; NULL when the line is another one's. */
static const char *value_at(const char *line, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	if (length <= name_length || line[name_length] != ':' ||
	    g_ascii_strncasecmp(line, name, name_length) != 0)
		return NULL;
	return line + name_length + 1;
}

/* The value at `value`, which ends at *at, with the lines that are folded behind it. */
static char *folded_take(const char *value, const char **at)
{
	GString *text = g_string_new_len(value, (gssize)strcspn(value, "\n"));

	while (**at == ' ' || **at == '\t') {
		size_t length;
		const char *line = line_next(at, &length);
		if (strspn(line, " \t") == length)
			break;
		if (text->len < BOUNCE_LINE_MAX)
			g_string_append_len(text, line, (gssize)length);
	}
	return g_strstrip(g_string_free(text, FALSE));
}

char *bounce_text_field(const char *text, const char *name)
{
	for (const char *at = text; *at;) {
		size_t length;
		const char *line = line_next(&at, &length);
		const char *value = value_at(line, length, name);
		if (value)
			return folded_take(value, &at);
	}
	return NULL;
}

/* --- codes --------------------------------------------------------------------- */

static bool is_boundary(char c)
{
	return !g_ascii_isalnum(c) && c != '.';
}

/* One to three digits; 0 where there are none, or more. */
static size_t digits_at(const char *text)
{
	size_t length = strspn(text, "0123456789");

	return length <= 3 ? length : 0;
}

/* How long "5.1.1" is here; 0 where it is something else, such as the beginning of an address of a
 * machine. */
static size_t status_length(const char *at)
{
	if ((*at != '4' && *at != '5') || at[1] != '.')
		return 0;
	size_t subject = digits_at(at + 2);
	if (subject == 0 || at[2 + subject] != '.')
		return 0;
	size_t detail = digits_at(at + 3 + subject);
	const char *end = at + 3 + subject + detail;
	if (detail == 0 || g_ascii_isalnum(*end) || (*end == '.' && g_ascii_isdigit(end[1])))
		return 0;
	return (size_t)(end - at);
}

/* "550 ", "421-": a reply of an SMTP server. */
static bool is_reply(const char *at)
{
	return (*at == '4' || *at == '5') && at[1] >= '0' && at[1] <= '7' &&
	       g_ascii_isdigit(at[2]) && (at[3] == ' ' || at[3] == '-' || at[3] == '\0');
}

char *bounce_status_find(const char *text)
{
	const char *reply = NULL;

	for (const char *at = text; *at; at++) {
		if ((*at != '4' && *at != '5') || (at > text && !is_boundary(at[-1])))
			continue;
		size_t length = status_length(at);
		if (length > 0)
			return g_strndup(at, length);
		if (!reply && is_reply(at))
			reply = at;
	}
	return reply ? g_strdup_printf("%c.0.0", *reply) : NULL;
}

/* --- delivery-status ----------------------------------------------------------- */

/* The fields of one recipient as they are read. */
struct recipient {
	struct mime_bounce row;
	char *action;
	char *final;
	char *actual;
	bool begun;
};

/* "rfc822;ann@example.com", "rfc822; <ann@example.com>", or without a type. What has no "@" is a command or
 * a mailbox of that server, and is kept where nothing better is said. Takes the value. */
static char *address_of(char *value)
{
	char *semicolon = strchr(value, ';');
	g_autofree char *address = g_strstrip(g_strdup(semicolon ? semicolon + 1 : value));
	char *open = strchr(address, '<');
	char *close = open ? strchr(open, '>') : NULL;

	g_free(value);
	if (close)
		return g_strndup(open + 1, (size_t)(close - open - 1));
	address[strcspn(address, " \t(")] = '\0';
	return g_steal_pointer(&address);
}

bool bounce_is_address(const char *text)
{
	const char *at = text ? strchr(text, '@') : NULL;

	return at && at > text && at[1] && !strchr("|/\"", *text);
}

/* Of the three fields the final recipient counts, where it is an address. */
static void choose_address(struct recipient *recipient)
{
	struct mime_bounce *row = &recipient->row;

	if (!bounce_is_address(recipient->final) && bounce_is_address(recipient->actual))
		row->address = g_steal_pointer(&recipient->actual);
	else if (!bounce_is_address(recipient->final) && bounce_is_address(row->original_address))
		row->address = g_strdup(row->original_address);
	else
		row->address = g_steal_pointer(&recipient->final);
}

/* An action that no RFC knows is none of success. */
static bool is_failure(const char *action)
{
	static const char *const successes[] = {"deliver", "relay", "expand"};

	for (size_t i = 0; i < G_N_ELEMENTS(successes); i++)
		if (g_ascii_strncasecmp(action, successes[i], strlen(successes[i])) == 0)
			return false;
	return true;
}

/* A recipient without an action is one that failed, unless its status says that it did not. */
static void recipient_end(struct recipient *recipient, GArray *rows)
{
	const char *action = recipient->action ? recipient->action : "";
	struct mime_bounce *row = &recipient->row;
	bool is_delay = g_ascii_strncasecmp(action, "delay", 5) == 0;
	bool failed = is_failure(action) && (*action || !row->status || *row->status != '2');

	choose_address(recipient);
	/* A program wrote "5.0.0" or nothing where the server's answer has more. */
	if (row->diagnostic && (!row->status || g_str_has_suffix(row->status, ".0.0"))) {
		char *better = bounce_status_find(row->diagnostic);
		if (better && (!row->status || !g_str_has_suffix(better, ".0.0"))) {
			g_free(row->status);
			row->status = g_steal_pointer(&better);
		}
		g_free(better);
	}
	if (recipient->begun && failed)
		bounce_row_add(rows, row, is_delay);
	else
		mime_bounce_clear(row);
	g_free(recipient->action);
	g_free(recipient->final);
	g_free(recipient->actual);
	*recipient = (struct recipient){0};
}

static void text_take(char **to, char *value)
{
	if (*to || !*value)
		g_free(value);
	else
		*to = value;
}

/* "5.1.1 (bad destination mailbox address)" */
static char *status_take(char *value)
{
	char *status = bounce_status_find(value);

	if (!status && (*value == '2' || *value == '4' || *value == '5'))
		status = g_strndup(value, strspn(value, "0123456789."));
	g_free(value);
	return status ? status : g_strdup("");
}

/* "smtp; 550 5.1.1 <ann@example.com>... User unknown" */
static char *diagnostic_take(char *value)
{
	char *semicolon = strchr(value, ';');
	char *said =
	    semicolon && semicolon - value < 20 && !memchr(value, ' ', (size_t)(semicolon - value))
		? g_strdup(semicolon + 1)
		: g_strdup(value);

	g_free(value);
	return g_strstrip(said);
}

/* Returns whether the line is a field of a recipient. */
static bool field_take(struct recipient *recipient, const char *line, size_t length,
		       const char **at)
{
	const char *value;

	if ((value = value_at(line, length, "Final-Recipient")))
		text_take(&recipient->final, address_of(folded_take(value, at)));
	else if ((value = value_at(line, length, "X-Actual-Recipient")))
		text_take(&recipient->actual, address_of(folded_take(value, at)));
	else if ((value = value_at(line, length, "Original-Recipient")))
		text_take(&recipient->row.original_address, address_of(folded_take(value, at)));
	else if ((value = value_at(line, length, "Action")))
		text_take(&recipient->action, folded_take(value, at));
	else if ((value = value_at(line, length, "Status")))
		text_take(&recipient->row.status, status_take(folded_take(value, at)));
	else if ((value = value_at(line, length, "Diagnostic-Code")))
		text_take(&recipient->row.diagnostic, diagnostic_take(folded_take(value, at)));
	else
		return false;
	return true;
}

/* A block ends with a blank line, or where a field comes again that each recipient has once. Blocks
 * without a recipient are the server's own, or the beginning of one that a blank line has cut. */
bool bounce_status_read(const char *text, GArray *rows)
{
	struct recipient recipient = {0};
	bool names_any = false;

	for (const char *at = text; *at;) {
		size_t length;
		const char *line = line_next(&at, &length);
		bool is_final = value_at(line, length, "Final-Recipient") != NULL;
		if ((strspn(line, " \t") == length && recipient.final) ||
		    (is_final && recipient.final))
			recipient_end(&recipient, rows);
		field_take(&recipient, line, length, &at);
		recipient.begun =
		    recipient.begun || recipient.final || recipient.row.original_address;
		names_any = names_any || recipient.begun;
	}
	recipient_end(&recipient, rows);
	return names_any;
}
