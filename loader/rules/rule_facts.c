/* A mail's values, made ready for comparing when the first test asks for them: header fields by name, addresses by
 * field and part, the beginning of the body. */
#include "loader/rules/rules_internal.h"

#include <jansson.h>
#include <string.h>

static GPtrArray *values_new(void)
{
	return g_ptr_array_new_with_free_func(rule_value_free);
}

static void values_free(void *data)
{
	g_ptr_array_unref(data);
}

void rule_facts_open(struct rule_facts *facts, const struct rule_mail *mail)
{
	*facts = (struct rule_facts){.mail = mail};
	facts->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, values_free);
	for (size_t i = 0; i < G_N_ELEMENTS(facts->addresses); i++)
		facts->addresses[i] =
		    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, values_free);
}

void rule_facts_close(struct rule_facts *facts)
{
	g_hash_table_unref(facts->headers);
	for (size_t i = 0; i < G_N_ELEMENTS(facts->addresses); i++)
		g_hash_table_unref(facts->addresses[i]);
	rule_value_free(facts->body);
	g_clear_pointer(&facts->parent_tags, g_ptr_array_unref);
}

/* ---- header fields ---- */

/* Behind the string that begins at `text`; NULL where it is none. */
static const char *string_end(const char *text)
{
	if (*text != '"')
		return NULL;
	for (text++; *text != '"'; text++) {
		text += strcspn(text, "\"\\");
		if (*text == '"')
			break;
		if (*text == '\0' || text[1] == '\0')
			return NULL;
		text++;
	}
	return text + 1;
}

/* NULL for what is no JSON. Caller frees. */
static char *string_decode(const char *text, const char *end)
{
	json_t *decoded = json_loadb(text, (size_t)(end - text), JSON_DECODE_ANY, NULL);
	char *copy = g_strdup(json_string_value(decoded));
	json_decref(decoded);
	return copy;
}

/* Names of fields are ASCII and hold nothing that is escaped. */
static bool is_name(const char *text, const char *end, const char *name)
{
	const size_t length = strlen(name);
	return (size_t)(end - text) == length + 2 &&
	       g_ascii_strncasecmp(text + 1, name, length) == 0;
}

/*
 * The entry has the fields as JSON, as the parser wrote them: [["Subject","Invoice"],…]. Only the strings of the field that
 * is asked for are decoded: reading all of them would take longer than all else that rules do. What is not of this form ends
 * the search.
 */
static GPtrArray *read_field(const char *text, const char *name)
{
	GPtrArray *values = values_new();
	for (text = text != NULL ? strstr(text, "[\"") : NULL;
	     text != NULL && g_str_has_prefix(text, "[\"");) {
		const char *name_end = string_end(text + 1);
		const char *value = name_end != NULL ? name_end + strspn(name_end, ", ") : "";
		const char *value_end = string_end(value);
		if (value_end == NULL)
			break;
		if (is_name(text + 1, name_end, name)) {
			g_autofree char *decoded = string_decode(value, value_end);
			if (decoded != NULL)
				g_ptr_array_add(values, rule_value_new(decoded, strlen(decoded)));
		}
		text = value_end + strspn(value_end, "], ");
	}
	return values;
}

/* Read once for each name, however many rules ask. */
const GPtrArray *rule_facts_header(struct rule_facts *facts, const char *name)
{
	GPtrArray *values = g_hash_table_lookup(facts->headers, name);
	if (values == NULL) {
		values = read_field(facts->mail->entry->headers, name);
		g_hash_table_insert(facts->headers, g_strdup(name), values);
	}
	return values;
}

/* ---- addresses ---- */

/* The author's addresses as the entry keeps them, decoded. */
static const char *address_column(const struct entry *entry, const char *name)
{
	if (strcmp(name, "from") == 0)
		return entry->sender;
	if (strcmp(name, "to") == 0)
		return entry->recipient;
	if (strcmp(name, "cc") == 0)
		return entry->cc;
	if (strcmp(name, "bcc") == 0)
		return entry->bcc;
	return entry->reply_to;
}

/* In lower case, as the parser of rules writes names. */
bool rule_address_name(const char *name)
{
	static const char *const names[] = {"from", "to", "cc", "bcc", "reply-to", NULL};
	return g_strv_contains(names, name);
}

/* Where the mailbox at `text` ends: before the next ';' that stands in no quotes, which is how the columns of an
 * entry divide mailboxes. */
static size_t mailbox_length(const char *text)
{
	bool quoted = false;
	size_t i;
	for (i = 0; text[i] != '\0' && (quoted || text[i] != ';'); i++) {
		if (text[i] == '\\' && text[i + 1] != '\0')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
	}
	return i;
}

/* "Name <address>", or the address alone; empty where there is only a name. */
static const char *mailbox_address(const char *mailbox, size_t length, size_t *ret_length)
{
	const char *open = memrchr(mailbox, '<', length);
	if (open != NULL && mailbox[length - 1] == '>') {
		*ret_length = length - (size_t)(open + 1 - mailbox) - 1;
		return open + 1;
	}
	*ret_length = memchr(mailbox, '@', length) != NULL ? length : 0;
	return mailbox;
}

/* The last '@' divides: the local part may hold others in quotes. */
static void add_part(GPtrArray *values, const char *address, size_t length, enum rule_part part)
{
	const char *at = memrchr(address, '@', length);
	const size_t local = at != NULL ? (size_t)(at - address) : length;
	if (part == PART_ALL)
		g_ptr_array_add(values, rule_value_new(address, length));
	else if (part == PART_LOCAL)
		g_ptr_array_add(values, rule_value_new(address, local));
	else if (at != NULL)
		g_ptr_array_add(values, rule_value_new(at + 1, length - local - 1));
}

/* Also of a header field that an entry does not keep apart (rule_reference.c). */
GPtrArray *rule_addresses_read(const char *text, enum rule_part part)
{
	GPtrArray *values = values_new();
	while (text != NULL && *text != '\0') {
		text += strspn(text, " ;");
		const size_t length = mailbox_length(text);
		size_t address_length;
		const char *address =
		    length > 0 ? mailbox_address(text, length, &address_length) : NULL;
		if (address != NULL && address_length > 0)
			add_part(values, address, address_length, part);
		text += length;
	}
	return values;
}

const GPtrArray *rule_facts_address(struct rule_facts *facts, const char *name, enum rule_part part)
{
	GHashTable *of_part = facts->addresses[part];
	GPtrArray *values = g_hash_table_lookup(of_part, name);
	if (values == NULL) {
		values = rule_addresses_read(address_column(facts->mail->entry, name), part);
		g_hash_table_insert(of_part, g_strdup(name), values);
	}
	return values;
}

/* Folded, since arrivals are counted by it: "Ann@Example.com" and "ann@example.com" are one sender. */
char *rule_mail_sender(const struct entry *entry)
{
	g_autoptr(GPtrArray) values = rule_addresses_read(entry->sender, PART_ALL);
	const struct rule_value *first = values->len > 0 ? g_ptr_array_index(values, 0) : NULL;
	return first != NULL ? g_utf8_casefold(first->text, -1) : NULL;
}

/* ---- the body ---- */

int rule_facts_body(struct rule_facts *facts, struct rule_value **ret_value, struct error *err)
{
	const struct rule_mail *mail = facts->mail;
	if (facts->body == NULL) {
		g_autofree char *bytes = g_malloc(RULE_VALUE_MAX);
		const int64_t size = mail->read_body(mail->context, bytes, RULE_VALUE_MAX, err);
		if (size < 0)
			return -1;
		facts->body = rule_value_new(bytes, (size_t)size);
	}
	*ret_value = facts->body;
	return 0;
}

/* ---- the entry that it answers ---- */

/* Asked for once, by the first rule that wants them: it is a statement of its own. */
int rule_facts_parent_tags(struct rule_facts *facts, const GPtrArray **ret_values,
			   struct error *err)
{
	const struct rule_mail *mail = facts->mail;
	g_auto(GStrv) tags = NULL;
	if (facts->parent_tags == NULL) {
		if (mail->parent_tags(mail->context, &tags, err) != 0)
			return -1;
		facts->parent_tags = values_new();
		for (char **tag = tags; tag != NULL && *tag != NULL; tag++)
			g_ptr_array_add(facts->parent_tags, rule_value_new(*tag, strlen(*tag)));
	}
	*ret_values = facts->parent_tags;
	return 0;
}
