/* Puts the chosen parts together. One part is written once; several are written one by one, and
 * then in a row, because what lies between them in the output is no part of the body. */
#include "mime/body.h"

#include "mime/part.h"
#include "mime/text.h"

#include <string.h>

enum { PIECE = 16384, HTML_TAIL = 1024 };

/* A part of a body, written. */
struct piece {
	struct mime_content content;
	bool from_html;
};

static char last_of(struct mime_output *output, const struct mime_content *content)
{
	char last = '\n';

	if (content->size > 0)
		output_read(output, content->offset + content->size - 1, &last, 1);
	return last;
}

/* --- text ----------------------------------------------------------------- */

static const struct piece *piece_at(const GArray *pieces, guint i)
{
	return &g_array_index(pieces, struct piece, i);
}

static void pieces_join(const GArray *pieces, struct mime_output *output,
			struct mime_content *ret_content)
{
	struct content_writer writer;

	if (pieces->len == 1) {
		*ret_content = piece_at(pieces, 0)->content;
		return;
	}
	content_begin(&writer, output, ret_content);
	for (guint i = 0; i < pieces->len; i++) {
		const struct mime_content *content = &piece_at(pieces, i)->content;
		output_copy(output, content->offset, content->offset + content->size, &writer.sink);
		if (i + 1 < pieces->len && last_of(output, content) != '\n')
			sink_write(&writer.sink, "\n", 1);
	}
}

/* The HTML of a part, as it was written for the HTML body, else now. */
static void html_find(struct part *part, const struct body *body, const GArray *html,
		      struct mime_output *output, struct defects *defects,
		      struct mime_content *ret_content)
{
	for (guint i = 0; i < body->html->len; i++) {
		if (g_ptr_array_index(body->html, i) == part) {
			*ret_content = piece_at(html, i)->content;
			return;
		}
	}
	text_store(part, output, defects, ret_content);
}

static struct piece text_piece(struct part *part, const struct body *body, const GArray *html,
			       struct mime_output *output, struct defects *defects)
{
	struct piece piece = {.from_html = strstr(part->type, "html") != NULL};
	struct mime_content source;

	if (!piece.from_html) {
		text_store(part, output, defects, &piece.content);
		return piece;
	}
	html_find(part, body, html, output, defects, &source);
	text_store_from_html(&source, output, &piece.content);
	return piece;
}

/* Blank pieces go, but for the first where all are. */
static void pieces_add(GArray *pieces, const struct piece *piece, struct mime_output *output)
{
	if (pieces->len > 0 && text_is_blank(&piece->content, output))
		return;
	if (pieces->len == 1 && text_is_blank(&piece_at(pieces, 0)->content, output))
		g_array_set_size(pieces, 0);
	g_array_append_val(pieces, *piece);
}

static void text_body_store(const struct body *body, const GArray *html, struct mime_output *output,
			    struct defects *defects, struct mime_message *message)
{
	g_autoptr(GArray) pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));

	message->text_from_html = true;
	for (guint i = 0; i < body->text->len; i++) {
		struct piece piece =
		    text_piece(g_ptr_array_index(body->text, i), body, html, output, defects);
		pieces_add(pieces, &piece, output);
	}
	for (guint i = 0; i < pieces->len; i++)
		message->text_from_html &= piece_at(pieces, i)->from_html;
	pieces_join(pieces, output, &message->text_body);
	/* The HTML was an alternative, and has more to say. */
	if (message->html_body.present && !message->text_from_html &&
	    text_is_blank(&message->text_body, output)) {
		message->text_from_html = true;
		text_store_from_html(&message->html_body, output, &message->text_body);
	}
}

/* --- HTML ----------------------------------------------------------------- */

/* Where the content of a document's body begins: behind "<body …>", if that is near. */
static uint64_t document_begin(struct mime_output *output, const struct mime_content *content)
{
	char head[PIECE + 1];
	size_t length =
	    output_read(output, content->offset, head, (size_t)MIN(content->size, (uint64_t)PIECE));

	head[length] = '\0';
	g_autofree char *lower = g_ascii_strdown(head, (gssize)length);
	const char *body = strstr(lower, "<body");
	const char *end = body ? strchr(body, '>') : NULL;
	return end ? (uint64_t)(end + 1 - lower) : 0;
}

/* Where it ends: before "</body>" or "</html>". */
static uint64_t document_end(struct mime_output *output, const struct mime_content *content)
{
	char tail[HTML_TAIL + 1];
	uint64_t size = MIN(content->size, (uint64_t)HTML_TAIL);
	uint64_t before = content->size - size;
	size_t length = output_read(output, content->offset + before, tail, (size_t)size);

	tail[length] = '\0';
	g_autofree char *lower = g_ascii_strdown(tail, (gssize)length);
	const char *end = strstr(lower, "</body");
	if (!end)
		end = strstr(lower, "</html");
	return end ? before + (uint64_t)(end - lower) : content->size;
}

/* The first document keeps its beginning and the last one its end: together they are one. */
static void documents_join(const GArray *pieces, struct mime_output *output,
			   struct mime_content *ret_content)
{
	struct content_writer writer;

	content_begin(&writer, output, ret_content);
	for (guint i = 0; i < pieces->len; i++) {
		const struct mime_content *content = &piece_at(pieces, i)->content;
		bool is_last = i + 1 == pieces->len;
		uint64_t begin = i > 0 ? document_begin(output, content) : 0;
		uint64_t end = is_last ? content->size : document_end(output, content);
		if (begin < end)
			output_copy(output, content->offset + begin, content->offset + end,
				    &writer.sink);
		if (!is_last)
			sink_write(&writer.sink, "\n", 1);
	}
}

/* HTML that shows nothing is left out, unless there is no other. */
static void html_body_store(const struct body *body, const GArray *html, struct mime_output *output,
			    struct mime_content *ret_content)
{
	g_autoptr(GArray) shown = g_array_new(FALSE, FALSE, sizeof(struct piece));

	for (guint i = 0; i < html->len; i++)
		if (html->len == 1 || part_shows(g_ptr_array_index(body->html, i)))
			g_array_append_val(shown, *piece_at(html, i));
	if (html->len > 0 && shown->len == 0)
		g_array_append_val(shown, *piece_at(html, 0));
	if (shown->len == 1)
		*ret_content = piece_at(shown, 0)->content;
	else if (shown->len > 1)
		documents_join(shown, output, ret_content);
}

void body_store(const struct body *body, struct mime_output *output, struct defects *defects,
		struct mime_message *message)
{
	g_autoptr(GArray) html = g_array_new(FALSE, TRUE, sizeof(struct piece));

	for (guint i = 0; i < body->html->len; i++) {
		struct piece piece = {.from_html = true};
		text_store(g_ptr_array_index(body->html, i), output, defects, &piece.content);
		g_array_append_val(html, piece);
	}
	html_body_store(body, html, output, &message->html_body);
	if (body->text->len > 0)
		text_body_store(body, html, output, defects, message);
}
