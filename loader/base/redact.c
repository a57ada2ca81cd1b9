/*
 * Looks for secrets by a rolling hash: of each secret its length and a hash with a random base are
 * known, and every window of that length in the text, and in all that it decodes to, is compared.
 * A window that is one marks the bytes of the text that it was made of.
 */
#include "loader/base/redact.h"

#include "loader/base/redact_internal.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

enum {
	PATTERNS_MAX = 256,
	WORD_MAX = 4,	   /* a shorter secret is a word of its own */
	LAYERS_MAX = 2,	   /* encodings in each other */
	FORM_MAX = 16,	   /* bytes that one byte may be written with */
	SECRET_MAX = 65536 /* as in secret.c; no longer one is imported */
};

/* Hashes are modulo this prime, 2^61 - 1: that another text of n bytes has the same one is as likely as n in 2^61. */
#define PRIME ((UINT64_C(1) << 61) - 1)

__extension__ typedef unsigned __int128 product;

struct pattern {
	uint64_t base;
	uint64_t hash;
	uint64_t length;
};

/* Guards what follows. */
static GMutex mutex;
static GArray *patterns; /* oldest first; NULL: none */
static uint64_t own_base;

static uint64_t multiply(uint64_t left, uint64_t right)
{
	return (uint64_t)((product)left * right % PRIME);
}

/* A byte counts one more than it is, so that leading NULs count. */
static uint64_t hash_next(uint64_t hash, uint64_t base, unsigned char byte)
{
	return (multiply(hash, base) + byte + 1) % PRIME;
}

/* ---- the list ---- */

static void add_pattern(const struct pattern *added)
{
	if (patterns == NULL)
		patterns = g_array_new(FALSE, FALSE, sizeof *added);
	for (guint i = 0; i < patterns->len; i++) {
		if (memcmp(&g_array_index(patterns, struct pattern, i), added, sizeof *added) == 0)
			return;
	}
	if (patterns->len == PATTERNS_MAX)
		g_array_remove_index(patterns, 0);
	g_array_append_val(patterns, *added);
}

/* The base is random, and told to nobody but processes of ours: a peer cannot make up a text that is hidden by
 * mistake. */
static void add_bytes(const unsigned char *bytes, size_t size)
{
	while (own_base < PRIME / 2) {
		if (getrandom(&own_base, sizeof own_base, 0) != (ssize_t)sizeof own_base)
			g_error("no random numbers: %s", g_strerror(errno));
		own_base %= PRIME;
	}
	struct pattern pattern = {.base = own_base, .length = size};
	for (size_t i = 0; i < size; i++)
		pattern.hash = hash_next(pattern.hash, pattern.base, bytes[i]);
	if (size > 0)
		add_pattern(&pattern);
}

/* A secret that looks encoded itself is found in a decoded text as what it decodes to. */
void redact_add(const void *secret, size_t size)
{
	scoped(redact_view_free) struct redact_view *view = redact_view_new(secret, size);
	g_mutex_lock(&mutex);
	add_bytes(view->bytes, view->size);
	for (int layer = 0; layer < LAYERS_MAX; layer++) {
		struct redact_view *plain = redact_unescape(view);
		if (plain == NULL)
			break;
		redact_view_free(view);
		view = plain;
		add_bytes(view->bytes, view->size);
	}
	g_mutex_unlock(&mutex);
}

char *redact_export(void)
{
	GString *list = g_string_new(NULL);
	g_mutex_lock(&mutex);
	for (guint i = 0; patterns != NULL && i < patterns->len; i++) {
		const struct pattern *pattern = &g_array_index(patterns, struct pattern, i);
		g_string_append_printf(list, "%" PRIx64 ":%" PRIx64 ":%" PRIx64 " ", pattern->base,
				       pattern->hash, pattern->length);
	}
	g_mutex_unlock(&mutex);
	return g_string_free(list, FALSE);
}

/* "BASE:HASH:LENGTH", in hexadecimal digits; false for anything else. */
static bool parse_pattern(const char *word, struct pattern *ret_pattern)
{
	g_auto(GStrv) parts = g_strsplit(word, ":", -1);
	return g_strv_length(parts) == 3 &&
	       g_ascii_string_to_unsigned(parts[0], 16, 0, PRIME - 1, &ret_pattern->base, NULL) &&
	       g_ascii_string_to_unsigned(parts[1], 16, 0, PRIME - 1, &ret_pattern->hash, NULL) &&
	       g_ascii_string_to_unsigned(parts[2], 16, 1, SECRET_MAX, &ret_pattern->length, NULL);
}

void redact_import(const char *list)
{
	g_auto(GStrv) words = g_strsplit(list, " ", -1);
	g_mutex_lock(&mutex);
	for (char **word = words; *word != NULL; word++) {
		struct pattern pattern = {0};
		if (parse_pattern(*word, &pattern))
			add_pattern(&pattern);
	}
	g_mutex_unlock(&mutex);
}

/* ---- the search ---- */

struct search {
	const struct pattern *known; /* a copy, of one base and length after the other */
	guint count;
	uint8_t *hidden; /* for each byte of the text: 1 for one of a secret */
};

/* Bytes from 0x80 on are pieces of letters in UTF-8. */
static bool is_word_byte(unsigned char byte)
{
	return g_ascii_isalnum(byte) || byte >= 0x80;
}

static bool is_word(const struct redact_view *view, size_t start, size_t length)
{
	const size_t end = start + length;
	return (start == 0 || !is_word_byte(view->bytes[start - 1])) &&
	       (end == view->size || !is_word_byte(view->bytes[end]));
}

/* What was decoded from base64 or hexadecimal digits hides the whole run of them (from, to). */
static void mark(const struct search *search, const struct redact_view *view, size_t start,
		 size_t length)
{
	const uint32_t from = view->from[start];
	const uint32_t to = view->to[start + length - 1];
	if (from < to)
		memset(search->hidden + from, 1, to - from);
}

/* The windows of one length; `group` are the patterns of that length and base. */
static void search_length(const struct search *search, const struct redact_view *view,
			  const struct pattern *group, guint count)
{
	const uint64_t base = group->base;
	const size_t length = group->length;
	uint64_t first = 1; /* what the first byte of a window is multiplied with */
	uint64_t hash = 0;
	for (size_t i = 1; i < length && length <= view->size; i++)
		first = multiply(first, base);
	for (size_t i = 0; i < view->size && length <= view->size; i++) {
		if (i >= length)
			hash =
			    (hash + PRIME - multiply(first, view->bytes[i - length] + 1U)) % PRIME;
		hash = hash_next(hash, base, view->bytes[i]);
		if (i + 1 < length)
			continue;
		for (guint j = 0; j < count; j++) {
			const size_t start = i + 1 - length;
			if (group[j].hash == hash &&
			    (length >= WORD_MAX || is_word(view, start, length)))
				mark(search, view, start, length);
		}
	}
}

static bool is_same_group(const struct pattern *left, const struct pattern *right)
{
	return left->base == right->base && left->length == right->length;
}

static void search_view(const struct search *search, const struct redact_view *view)
{
	for (guint i = 0, next; i < search->count; i = next) {
		next = i + 1;
		while (next < search->count &&
		       is_same_group(&search->known[i], &search->known[next]))
			next++;
		search_length(search, view, &search->known[i], next - i);
	}
}

/* The view, and what it decodes to in each way, and that likewise. */
// NOLINTNEXTLINE(misc-no-recursion): as deep as LAYERS_MAX
static void search_layers(const struct search *search, const struct redact_view *view, int layers)
{
	static redact_decoder *const decoders[] = {redact_unescape, redact_decode_base64,
						   redact_decode_hex};
	search_view(search, view);
	for (size_t i = 0; i < G_N_ELEMENTS(decoders) && layers > 0; i++) {
		scoped(redact_view_free) struct redact_view *decoded = decoders[i](view);
		if (decoded != NULL)
			search_layers(search, decoded, layers - 1);
	}
}

static gint pattern_compare(gconstpointer left, gconstpointer right)
{
	const struct pattern *one = left;
	const struct pattern *other = right;
	if (one->length != other->length)
		return one->length < other->length ? -1 : 1;
	return one->base < other->base ? -1 : one->base > other->base;
}

/* Sorted, so that patterns of one length stand together. NULL: there are none. */
static GArray *copy_patterns(void)
{
	g_mutex_lock(&mutex);
	GArray *copy = patterns != NULL ? g_array_copy(patterns) : NULL;
	g_mutex_unlock(&mutex);
	if (copy != NULL)
		g_array_sort(copy, pattern_compare);
	return copy;
}

/* ---- the result ---- */

/* How far behind its first byte a secret may end: its longest, each byte in the longest form ("&#x0000000041;"). */
static size_t reach_of(const GArray *known)
{
	return known != NULL && known->len > 0
		   ? FORM_MAX * (size_t)g_array_index(known, struct pattern, known->len - 1).length
		   : 0;
}

/* Secrets become shorter, "***": for so much of the result twice as much text is looked at. */
static size_t enough_of(const GArray *known, size_t most)
{
	return most > SIZE_MAX / 4 ? SIZE_MAX : most * 2 + reach_of(known);
}

size_t redact_enough(size_t most)
{
	GArray *known = copy_patterns();
	const size_t enough = enough_of(known, most);
	if (known != NULL)
		g_array_unref(known);
	return enough;
}

/* Copies the first `size` bytes. */
static char *copy_visible(const char *bytes, size_t size, const uint8_t *hidden, size_t most)
{
	GString *result = g_string_sized_new(MIN(size, most));
	for (size_t i = 0; i < size && result->len < most; i++) {
		if (!hidden[i])
			g_string_append_c(result, bytes[i] != '\0' ? bytes[i] : ' ');
		else if (i == 0 || !hidden[i - 1])
			g_string_append(result, "***");
	}
	if (result->len > most)
		g_string_truncate(result, most);
	return g_string_free(result, FALSE);
}

/* For each byte, and one that is 0 behind them. */
static uint8_t *find_hidden(const GArray *known, const char *bytes, size_t size)
{
	uint8_t *hidden = g_new0(uint8_t, size + 1);
	if (known == NULL)
		return hidden;
	scoped(redact_view_free) struct redact_view *view = redact_view_new(bytes, size);
	const struct search search = {(const struct pattern *)(const void *)known->data, known->len,
				      hidden};
	search_layers(&search, view, LAYERS_MAX);
	return hidden;
}

char *redact_cut(const char *bytes, size_t size, size_t most)
{
	g_autoptr(GArray) known = copy_patterns();
	const size_t looked = MIN(size, enough_of(known, most));
	/* What begins in the last bytes may not be seen whole. */
	const size_t shown = looked < size ? looked - reach_of(known) : size;
	g_autofree uint8_t *hidden = find_hidden(known, bytes, looked);
	return copy_visible(bytes, shown, hidden, most);
}

void redact_error(struct error *err)
{
	g_autofree char *text = redact(err->text, strlen(err->text));
	g_strlcpy(err->text, text, sizeof err->text);
}

char *redact_take(GString *stream)
{
	g_autoptr(GArray) known = copy_patterns();
	const size_t reach = reach_of(known);
	if (stream->len <= reach)
		return NULL;
	g_autofree uint8_t *hidden = find_hidden(known, stream->str, stream->len);
	size_t shown = stream->len - reach;
	/* A secret goes as a whole. */
	while (hidden[shown - 1] && hidden[shown])
		shown++;
	char *taken = copy_visible(stream->str, shown, hidden, SIZE_MAX);
	g_string_erase(stream, 0, (gssize)shown);
	return taken;
}

char *redact(const char *bytes, size_t size)
{
	return redact_cut(bytes, size, SIZE_MAX);
}
