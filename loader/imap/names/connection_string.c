/*
 * Reads and writes the text of a connection string: pairs of key and value with the quotes of
 * ADO.NET. Parsing keeps the pairs as they were written, so that formatting gives the operator's
 * text back.
 */
#include "loader/imap/names/connection_string.h"

#include "loader/imap/names/connection_string_key.h"
#include "queue/base/nearest.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* A longer text is no definition but an accident; an unknown key shows no more than this. */
#define TEXT_BYTES_MAX	8192
#define KEY_BYTES_SHOWN 40

/* The connection string while it is being read. */
struct reader {
	const char *at;
	struct connection_string *string;
	GArray *pairs; /* struct connection_string_pair */
};

static void clear_pair(void *pair)
{
	struct connection_string_pair *row = pair;

	g_free(row->key);
	g_free(row->value);
}

void connection_string_free(struct connection_string *string)
{
	if (!string)
		return;
	for (size_t i = 0; i < string->pair_count; i++)
		clear_pair(&string->pairs[i]);
	g_free(string->pairs);
	g_free(string->url);
	g_free(string->mailbox);
	g_free(string->dropbox);
	g_free(string->badmail);
	g_free(string->ca_file);
	g_free(string->crl_file);
	g_free(string->watch_folder);
	g_free(string->archive_folder);
	g_free(string->failed_folder);
	g_free(string->since);
	g_free(string->search);
	g_free(string->proxy);
	g_free(string->pin);
	g_free(string->min_tls);
	g_free(string->client_certificate);
	g_free(string->auth_user);
	g_free(string->auth_mech);
	g_strfreev(string->disable);
	g_free(string);
}

/* --- reading ----------------------------------------------------------- */

static int check_text(const char *text, struct error *err)
{
	if (strlen(text) > TEXT_BYTES_MAX)
		return error_set(err, ERROR_CONFIGURATION,
				 "the connection string is longer than %d bytes", TEXT_BYTES_MAX);
	if (!g_utf8_validate(text, -1, NULL))
		return error_set(err, ERROR_CONFIGURATION,
				 "the connection string is not valid UTF-8");
	for (const char *at = text; *at; at = g_utf8_next_char(at)) {
		if (g_unichar_iscntrl(g_utf8_get_char(at)))
			return error_set(err, ERROR_CONFIGURATION,
					 "the connection string holds a control character (U+%04X) "
					 "at byte %zu",
					 (unsigned int)g_utf8_get_char(at),
					 (size_t)(at - text) + 1);
	}
	return 0;
}

/* An unknown key may be anything, a password too, if a quote is missing: an error shows its
 * beginning only. */
static char *shorten(const char *text, size_t size)
{
	const char *end = text + MIN(size, KEY_BYTES_SHOWN);

	if (size <= KEY_BYTES_SHOWN)
		return g_strndup(text, size);
	while (((unsigned char)*end & 0xc0) == 0x80)
		end--;
	return g_strdup_printf("%.*s…", (int)(end - text), text);
}

/* Words that people put credentials under, mostly from other programs' connection strings. */
static bool is_secret_word(const char *key)
{
	static const char *const words[] = {
	    "password", "pwd", "passwd", "pass",      "user",  "userid", "user id",
	    "username", "uid", "login",	 "user name", "token", "secret", "credentials"};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		if (!g_ascii_strcasecmp(key, words[i]))
			return true;
	}
	return false;
}

/* What other programs call our keys; else the key that is spelt nearly so. NULL for none. */
static const char *meant_key(const char *key)
{
	static const char *const others[][2] = {
	    {"host", "url"},	   {"hostname", "url"},	 {"server", "url"}, {"address", "url"},
	    {"folder", "mailbox"}, {"inbox", "mailbox"}, {"tls", "ssl"},    {"archive", "dropbox"}};
	struct nearest nearest = nearest_begin(key);
	struct connection_string_key_help help;

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		if (!g_ascii_strcasecmp(key, others[i][0]))
			return others[i][1];
	}
	for (size_t i = 0; connection_string_key_at(i, &help); i++)
		nearest_try(&nearest, help.key);
	return nearest.best;
}

/* Word processors put them in place of straight ones. */
static bool is_curly_quote(const char *at)
{
	const gunichar c = g_utf8_get_char(at);

	return c >= 0x2018 && c <= 0x201f;
}

static int refuse_curly_quote(const char *at, struct error *err)
{
	return error_set(err, ERROR_CONFIGURATION,
			 "%.*s is a curly quote: values stand in straight ones, \"…\" or '…'",
			 (int)(g_utf8_next_char(at) - at), at);
}

static int refuse_key(const char *key, struct error *err)
{
	g_autoptr(GString) known = g_string_new(NULL);
	struct connection_string_key_help help;
	const char *meant = meant_key(key);

	if (is_secret_word(key))
		return error_set(err, ERROR_CONFIGURATION,
				 "credentials never stand in the connection string ('%s'): give "
				 "--user-name, and the password with --password-file or another "
				 "password source",
				 key);
	if (is_curly_quote(key))
		return refuse_curly_quote(key, err);
	if (*key == '"' || *key == '\'')
		return error_set(err, ERROR_CONFIGURATION,
				 "it begins with %c: quotes stand around single values, as in "
				 "mailbox=\"In box\", and not around the whole",
				 *key);
	for (size_t i = 0; connection_string_key_at(i, &help); i++)
		g_string_append_printf(known, "%s%s", i > 0 ? ", " : "", help.key);

	g_autofree char *shown = shorten(key, strlen(key));

	return error_set(err, ERROR_CONFIGURATION, "unknown key '%s'%s%s%snown are %s", shown,
			 meant ? ": did you mean " : "", meant ? meant : "", meant ? "? K" : "; k",
			 known->str);
}

/* Reads up to '='; NULL if the part ends before there is one. */
static char *read_key(struct reader *reader, struct error *err)
{
	size_t size = strcspn(reader->at, "=;");
	g_autofree char *key = g_strndup(reader->at, size);

	g_strchomp(key);
	if (reader->at[size] != '=') {
		g_autofree char *shown = shorten(key, strlen(key));

		error_set(err, ERROR_CONFIGURATION, "'%s' is not of the form key=value", shown);
		return NULL;
	}
	if (!*key) {
		error_set(err, ERROR_CONFIGURATION,
			  "a part of the connection string has no key "
			  "before its '='");
		return NULL;
	}
	reader->at += size + 1;
	return g_steal_pointer(&key);
}

/* `reader` stands on the opening quote. */
static char *read_quoted(struct reader *reader, const char *key, struct error *err)
{
	g_autoptr(GString) value = g_string_new(NULL);
	char quote = *reader->at++;

	for (;; reader->at++) {
		if (!*reader->at) {
			error_set(err, ERROR_CONFIGURATION, "%s: the closing %c is missing", key,
				  quote);
			return NULL;
		}
		/* Two quotes stand for one; a single one ends the value. */
		if (*reader->at == quote) {
			reader->at++;
			if (*reader->at != quote)
				break;
		}
		g_string_append_c(value, *reader->at);
	}
	reader->at += strspn(reader->at, " ");
	if (*reader->at && *reader->at != ';') {
		error_set(err, ERROR_CONFIGURATION,
			  "%s: text follows the closing %c; a %c inside is written twice, and ';' "
			  "ends the value",
			  key, quote, quote);
		return NULL;
	}
	return g_string_free(g_steal_pointer(&value), FALSE);
}

/* Blanks around a value without quotes are not part of it. */
static char *read_value(struct reader *reader, const char *key, struct error *err)
{
	reader->at += strspn(reader->at, " ");
	if (*reader->at == '\'' || *reader->at == '"')
		return read_quoted(reader, key, err);
	if (is_curly_quote(reader->at)) {
		refuse_curly_quote(reader->at, err);
		return NULL;
	}

	size_t size = strcspn(reader->at, ";");
	char *value = g_strndup(reader->at, size);

	reader->at += size;
	return g_strchomp(value);
}

static int read_pair(struct reader *reader, struct error *err)
{
	g_autofree char *name = read_key(reader, err);

	if (!name)
		return -1;

	const struct connection_string_key *key = connection_string_key_find(name);

	if (!key)
		return refuse_key(name, err);

	g_autofree char *value = read_value(reader, key->help.key, err);

	if (!value)
		return -1;
	if (connection_string_key_set(key, reader->string, value, err) < 0)
		return error_prefix(err, "%s", key->help.key);

	struct connection_string_pair pair = {
	    .key = g_strdup(key->help.key),
	    .value = g_steal_pointer(&value),
	};

	g_array_append_val(reader->pairs, pair);
	return 0;
}

int connection_string_parse(const char *text, struct connection_string **ret_string,
			    struct error *err)
{
	scoped(connection_string_free) struct connection_string *string = NULL;

	if (connection_string_parse_local(text, &string, err) < 0)
		return -1;
	if (!string->url)
		return error_set(err, ERROR_CONFIGURATION,
				 "url is missing: url=HOST says which server to collect from");
	if (string->watch_folder || string->archive_folder || string->failed_folder)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "watchFolder, archiveFolder and failedFolder are for mail from files (external "
		    "source File)");
	*ret_string = g_steal_pointer(&string);
	return 0;
}

int connection_string_parse_local(const char *text, struct connection_string **ret_string,
				  struct error *err)
{
	scoped(connection_string_free) struct connection_string *string =
	    g_new0(struct connection_string, 1);
	g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(struct connection_string_pair));
	struct reader reader = {.at = text, .string = string, .pairs = pairs};

	g_array_set_clear_func(pairs, clear_pair);
	if (connection_string_key_preset(string, err) < 0 || check_text(text, err) < 0)
		return -1;
	/* Empty parts are skipped: a text may end with a semicolon. */
	while (*(reader.at += strspn(reader.at, " ;"))) {
		if (read_pair(&reader, err) < 0)
			return -1;
	}
	if (connection_string_key_complete(string, err) < 0)
		return -1;
	/* The pairs belong to the string now. */
	g_array_set_clear_func(pairs, NULL);
	string->pair_count = pairs->len;
	string->pairs =
	    (struct connection_string_pair *)(void *)g_array_free(g_steal_pointer(&pairs), FALSE);
	*ret_string = g_steal_pointer(&string);
	return 0;
}

/* A key that is written with its default counts as named, too. */
bool connection_string_names(const struct connection_string *string, const char *key)
{
	for (size_t i = 0; i < string->pair_count; i++) {
		if (strcmp(string->pairs[i].key, key) == 0)
			return true;
	}
	return false;
}

const char *connection_string_owner(const struct connection_string *string, const char *user_name)
{
	return string->auth_user ? string->auth_user : user_name;
}

bool connection_string_needs_secret(const struct connection_string *string)
{
	return !string->auth_mech || strcmp(string->auth_mech, "EXTERNAL") != 0;
}

/* --- writing ----------------------------------------------------------- */

/* Blanks at its ends would be cut off, a ';' would end it, a quote would open one. */
static bool needs_quotes(const char *value)
{
	size_t length = strlen(value);

	return length > 0 &&
	       (strchr("'\" ", value[0]) || value[length - 1] == ' ' || strchr(value, ';'));
}

static size_t count_char(const char *text, char c)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == c;
	return count;
}

/* The quote with less to double, so that the result is no longer than what was parsed. */
static void append_quoted(GString *text, const char *value)
{
	char quote = count_char(value, '"') > count_char(value, '\'') ? '\'' : '"';

	g_string_append_c(text, quote);
	for (const char *at = value; *at; at++) {
		if (*at == quote)
			g_string_append_c(text, quote);
		g_string_append_c(text, *at);
	}
	g_string_append_c(text, quote);
}

char *connection_string_format(const struct connection_string *string)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < string->pair_count; i++) {
		const struct connection_string_pair *pair = &string->pairs[i];

		g_string_append_printf(text, "%s%s=", i > 0 ? ";" : "", pair->key);
		if (needs_quotes(pair->value))
			append_quoted(text, pair->value);
		else
			g_string_append(text, pair->value);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}
