/* Which lines delimit parts: those that begin with two dashes and a boundary of the message, whatever
 * blanks or other text mailers have put behind it. */
#include "mime/skeleton.h"

#include <string.h>

/* A search goes that far; a message of good will needs none. */
enum { SEARCHES_MAX = 16, SEARCH_LINES_MAX = 10000 };

/* Blanks in a line that text behind a boundary may begin at. */
enum { BLANKS_MAX = 8 };

/* --- boundaries ----------------------------------------------------------- */

/* Blanks at its end are none of its own (RFC 2046, 5.1.1). */
static char *boundary_of(const struct part *part)
{
	const char *boundary = parameters_bytes(part->content, "boundary");

	return boundary ? g_strchomp(g_strdup(boundary)) : NULL;
}

const char *skeleton_boundary(const struct skeleton *skeleton, const struct part *multipart)
{
	g_autofree char *boundary = boundary_of(multipart);

	return boundary ? g_hash_table_lookup(skeleton->boundaries, boundary) : NULL;
}

/* GMime decodes what looks like an encoded word, and converts what is not ASCII. */
static char *boundary_shown(const char *boundary)
{
	static const char safe[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'()+_,-./:=? ";

	if (!strstr(boundary, "=?") && boundary[strspn(boundary, safe)] == '\0')
		return g_strdup(boundary);
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, boundary, -1);
	return g_strconcat("boundary-", digest, NULL);
}

bool skeleton_add_boundary(struct skeleton *skeleton, const struct part *part)
{
	g_autofree char *boundary = boundary_of(part);

	if (!boundary || !*boundary) {
		defects_add(skeleton->defects, "%s without a boundary; taken as text", part->type);
		return false;
	}
	if (strlen(boundary) > skeleton->options->max_boundary) {
		defects_add(skeleton->defects, "boundary longer than %u bytes; %s taken as text",
			    skeleton->options->max_boundary, part->type);
		skeleton->capped = true;
		return false;
	}
	/* What has been handed out must stay. */
	if (!g_hash_table_contains(skeleton->boundaries, boundary)) {
		char *shown = boundary_shown(boundary);
		g_hash_table_insert(skeleton->boundaries, g_steal_pointer(&boundary), shown);
	}
	return true;
}

/* --- delimiter lines ------------------------------------------------------ */

static size_t without_blanks(const char *text, size_t length)
{
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	return length;
}

static const char *known(const struct skeleton *skeleton, const char *text, size_t length)
{
	char boundary[MIME_MAX_BOUNDARY + 1];

	if (length == 0 || length >= sizeof(boundary) || length > skeleton->options->max_boundary ||
	    memchr(text, '\0', length))
		return NULL;
	memcpy(boundary, text, length);
	boundary[length] = '\0';
	return g_hash_table_lookup(skeleton->boundaries, boundary);
}

/* "boundary", "boundary--", and "boundary --" as its sender quoted it with a blank. */
static const char *known_either(const struct skeleton *skeleton, const char *text, size_t length,
				bool *ret_closing)
{
	const char *boundary = known(skeleton, text, length);

	*ret_closing = false;
	if (boundary || length < 2 || memcmp(text + length - 2, "--", 2) != 0)
		return boundary;
	*ret_closing = true;
	return known(skeleton, text, without_blanks(text, length - 2));
}

/* That the boundary begins the line is enough (RFC 2046, 5.1.1), but a boundary may begin with another
 * one: what stands behind it must begin with a blank. */
const char *skeleton_delimited(const struct skeleton *skeleton, const struct line *line,
			       bool *ret_closing)
{
	if (line->length < 3 || line->text[0] != '-' || line->text[1] != '-')
		return NULL;
	const char *text = (const char *)line->text + 2;
	size_t length = without_blanks(text, line->length - 2);
	const char *boundary = known_either(skeleton, text, length, ret_closing);
	const char *blank = text;
	for (int i = 0; !boundary && i < BLANKS_MAX; i++) {
		while (blank < text + length && *blank != ' ' && *blank != '\t')
			blank++;
		if (blank == text + length)
			return NULL;
		boundary = known_either(skeleton, text, (size_t)(blank - text), ret_closing);
		blank++;
	}
	return boundary;
}

bool skeleton_is_delimiter(void *context, const struct line *line)
{
	bool closing;

	return skeleton_delimited(context, line, &closing) != NULL;
}

bool skeleton_delimiter_follows(struct skeleton *skeleton, uint64_t offset, const struct part *part)
{
	g_autofree char *boundary = boundary_of(part);
	size_t length = boundary ? strlen(boundary) : 0;
	uint64_t previous_end;
	struct line line;

	if (length == 0 || skeleton->searches++ >= SEARCHES_MAX)
		return false;
	for (int i = 0; i < SEARCH_LINES_MAX; i++) {
		offset = input_find_dashes(skeleton->input, offset, &previous_end);
		if (!input_line(skeleton->input, offset, &line))
			return false;
		const char *text = (const char *)line.text + 2;
		if (without_blanks(text, line.length - 2) == length &&
		    memcmp(text, boundary, length) == 0)
			return true;
		if (skeleton_is_delimiter(skeleton, &line))
			return false;
		offset = line.next;
	}
	return false;
}
