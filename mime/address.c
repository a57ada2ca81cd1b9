/*
 * Takes lists of mailboxes apart. GMime 3.2.13 crashes on nested groups, loses addresses behind
 * ";" and those without brackets behind a name; what would have to be done to a field before GMime
 * could read it is all the reading there is.
 */
#include "mime/address.h"

#include "mime/header.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* So many words before commas are one name; more are a list of names. */
enum { PENDING_MAX = 3 };

struct context {
	const char *hint;
	const char *what;
	struct defects *defects;
};

/* The list under way. */
struct list {
	const struct context *context;
	GString *text;
	GPtrArray *pending; /* words before commas, raw, that may belong to the next mailbox */
	bool only_best;	    /* `text` is the best mailbox so far */
	enum address_kind best;
};

static char *decoded(const struct list *list, const char *raw)
{
	g_autofree char *text = g_strdup(raw);

	g_strdelimit(text, (char[]){ADDRESS_QUOTED_AT, '\0'}, '@');
	return word_decode_utf8(text, strlen(text), list->context->what, list->context->defects);
}

/* Quotes keep what is in a name from ending the mailbox. */
static void append_name(GString *list, const char *name)
{
	if (!strpbrk(name, ",;<>@\"\\")) {
		g_string_append(list, name);
		return;
	}
	g_string_append_c(list, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			g_string_append_c(list, '\\');
		g_string_append_c(list, *name);
	}
	g_string_append_c(list, '"');
}

static void add(struct list *list, enum address_kind kind, const char *name, const char *address)
{
	if (list->only_best && kind <= list->best)
		return;
	if (list->only_best)
		g_string_truncate(list->text, 0);
	list->best = MAX(list->best, kind);
	if (list->text->len > 0)
		g_string_append(list->text, "; ");
	if (!*name || strcmp(name, address) == 0) {
		g_string_append(list->text, address);
		return;
	}
	append_name(list->text, name);
	g_string_append_printf(list->text, " <%s>", address);
}

/* "Mail Delivery System" is none: that is a name. */
static bool is_local_part(const char *text)
{
	size_t length = strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_+");

	return length > 0 && text[length] == '\0';
}

/* Words without an address: MAILER-DAEMON (Mail Delivery System), or no more than a name. */
static void add_words(struct list *list, const char *raw, const char *comment, bool may_be_local)
{
	g_autofree char *text = decoded(list, raw);

	if (!*text)
		return;
	if (may_be_local && is_local_part(text)) {
		g_autofree char *name = decoded(list, comment);
		add(list, ADDRESS_LOCAL, name, text);
	} else {
		add(list, strchr(text, '@') ? ADDRESS_FULL : ADDRESS_NAME, "", text);
	}
}

/* The words before commas were mailboxes of their own. */
static void flush_pending(struct list *list)
{
	for (guint i = 0; i < list->pending->len; i++)
		add_words(list, g_ptr_array_index(list->pending, i), "", true);
	g_ptr_array_set_size(list->pending, 0);
}

/* Puts the words before commas in front of the name: Lee, Ann <ann@example.com>. */
static void join_pending(struct list *list, GString *name)
{
	if (list->pending->len == 0)
		return;
	defects_add(list->context->defects, "a name in %s has commas and no quotes",
		    list->context->what);
	for (guint i = list->pending->len; i > 0; i--) {
		if (name->len > 0)
			g_string_prepend(name, ", ");
		g_string_prepend(name, g_ptr_array_index(list->pending, i - 1));
	}
	g_ptr_array_set_size(list->pending, 0);
}

static void add_mailbox(struct list *list, GString *raw_name, const char *address)
{
	g_autofree char *clean = address_bare_clean(address, strlen(address));
	g_autofree char *text = decoded(list, clean);

	join_pending(list, raw_name);
	g_autofree char *name = decoded(list, raw_name->str);
	add(list, strchr(text, '@') ? ADDRESS_FULL : ADDRESS_LOCAL, name, text);
}

/* Raw words as a name: what has no letter is none, and a bracket before the address is none of it:
 * "Ann Lee [ann@example.com]". */
static GString *name_new(const char *words, size_t length)
{
	while (length > 0 && (words[length - 1] == '[' || words[length - 1] == ' '))
		length--;
	GString *name = g_string_new_len(words, (gssize)length);

	for (size_t i = 0; i < length; i++)
		if (g_ascii_isalnum(words[i]) || (words[i] & 0x80))
			return name;
	return g_string_truncate(name, 0);
}

/* The addresses that stand in words, each with the words before it for a name. */
static void add_bare(struct list *list, const char *words, const char *comment)
{
	struct address_bare bare;
	struct address_bare next;
	size_t from = 0;

	for (bool found = address_bare_find(words, 0, &bare); found; bare = next) {
		found = address_bare_find(words, bare.end, &next);
		GString *name = name_new(words + from, bare.begin - from);
		g_autofree char *address = g_strndup(words + bare.begin, bare.end - bare.begin);
		if (name->len == 0)
			flush_pending(list);
		if (name->len == 0 && from == 0 && !found) {
			const char *behind = *comment ? comment : words + bare.end;
			g_string_free(name, TRUE);
			name = name_new(behind, strlen(behind));
		}
		if (from > 0)
			defects_add(list->context->defects, "no comma between addresses in %s",
				    list->context->what);
		add_mailbox(list, name, address);
		g_string_free(name, TRUE);
		from = bare.end;
	}
}

static void end_angle(struct list *list, const struct address_reader *mailbox)
{
	const char *rest = mailbox->phrase->str + mailbox->angle_at;
	const char *angle = mailbox->angle->str;
	bool has_more = strchr(rest, '@') != NULL;
	g_autoptr(GString) name = g_string_new_len(
	    mailbox->phrase->str, (gssize)(has_more ? mailbox->angle_at : mailbox->phrase->len));
	/* <ann@example.com, bob@example.com> */
	g_auto(GStrv) addresses = g_strsplit_set(angle, strchr(angle, '"') ? "" : ",;", -1);

	for (char **address = addresses; *address; address++) {
		if (**address)
			add_mailbox(list, name, *address);
		g_string_truncate(name, 0);
	}
	if (has_more || mailbox->separator == ADDRESS_NO_SEPARATOR)
		defects_add(list->context->defects, "no comma between addresses in %s",
			    list->context->what);
	if (has_more)
		add_bare(list, rest, mailbox->comment->str);
}

/* Words before a comma wait for the mailbox that follows. A long list of names is one of names. */
static void end_words(struct list *list, const struct address_reader *mailbox)
{
	g_autofree char *text = decoded(list, mailbox->phrase->str);

	if (!*text)
		return;
	if (mailbox->separator == ',' && list->pending->len < PENDING_MAX &&
	    mailbox->comment->len == 0 && !strchr(text, '@')) {
		g_ptr_array_add(list->pending, g_strstrip(g_strdup(mailbox->phrase->str)));
		return;
	}
	flush_pending(list);
	add_words(list, mailbox->phrase->str, mailbox->comment->str, true);
}

static void end_mailbox(struct list *list, const struct address_reader *mailbox)
{
	struct address_bare bare;
	const char *phrase = mailbox->phrase->str;

	if (mailbox->has_double_brackets)
		defects_add(list->context->defects, "double brackets in %s", list->context->what);
	/* What stands before a colon is the name of a group, and no mailbox. */
	if (mailbox->separator == ':') {
		flush_pending(list);
	} else if (mailbox->angle->len > 0) {
		end_angle(list, mailbox);
	} else if (address_bare_find(phrase, 0, &bare)) {
		add_bare(list, phrase, mailbox->comment->str);
	} else if (mailbox->has_angle) {
		flush_pending(list);
		add_words(list, phrase, "", false);
	} else {
		end_words(list, mailbox);
	}
	if (mailbox->separator == ';')
		flush_pending(list);
}

static char *format(const char *raw, size_t length, const struct context *context, bool only_best,
		    enum address_kind *ret_kind)
{
	g_autofree char *converted = word_plain_to_utf8(raw, length, context->hint, context->what,
							context->defects, &length);
	struct list list = {
	    .context = context,
	    .text = g_string_new(NULL),
	    .pending = g_ptr_array_new_with_free_func(g_free),
	    .only_best = only_best,
	};
	struct address_reader reader;

	address_reader_open(&reader, converted ? converted : raw, length);
	while (!(only_best && list.best == ADDRESS_FULL) && address_reader_next(&reader))
		end_mailbox(&list, &reader);
	flush_pending(&list);
	address_reader_close(&reader);
	g_ptr_array_unref(list.pending);
	*ret_kind = list.best;
	return g_string_free(list.text, list.text->len == 0);
}

char *address_list_format(const char *raw, size_t length, const char *hint, const char *what,
			  struct defects *defects)
{
	struct context context = {hint, what, defects};
	enum address_kind kind;

	return format(raw, length, &context, false, &kind);
}

char *address_first_format(const char *raw, size_t length, const char *hint, const char *what,
			   struct defects *defects, enum address_kind *ret_kind)
{
	struct context context = {hint, what, defects};

	return format(raw, length, &context, true, ret_kind);
}
