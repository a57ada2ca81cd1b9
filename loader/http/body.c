/* The body of a request as a row of pieces: texts, and sources that are opened when their turn
 * comes, encoded as base64, as the inside of a JSON string or with CRLF, and closed behind their
 * last byte. */
#include "loader/http/body.h"

#include "loader/base/crlf.h"

#include <glib.h>
#include <string.h>

#define PIECE ((size_t)16 * 1024)
/* The most that PIECE bytes can become: each of them \u0000, which takes six. */
#define ENCODED_MAX (6 * PIECE + 8)

struct piece {
	GString *text; /* NULL: a source */
	struct body_source source;
	enum body_encoding encoding;
};

struct body {
	GArray *pieces;
	guint current;
	bool open;
	void *stream;	   /* of the current piece, where it is a source and open */
	size_t text_done;  /* of the current piece, where it is a text */
	char *encoded;	   /* ENCODED_MAX bytes */
	size_t encoded_at; /* those from here to the next have to go out */
	size_t encoded_end;
	int base64_state;
	int base64_save;
	struct crlf crlf;
};

/* ---- a text as a source ---- */

struct text_stream {
	const char *rest;
};

/* A text as a source: its stream is the rest that was not read yet. */
static int text_open(void *place, void **ret_stream, struct error *err)
{
	(void)err;
	struct text_stream *stream = g_new(struct text_stream, 1);
	stream->rest = place;
	*ret_stream = stream;
	return 0;
}

/* Ends with 0 bytes at the NUL, as every source ends. */
static int text_read(void *stream, void *bytes, size_t room, size_t *ret_size, struct error *err)
{
	(void)err;
	struct text_stream *text = stream;
	*ret_size = strnlen(text->rest, room);
	memcpy(bytes, text->rest, *ret_size);
	text->rest += *ret_size;
	return 0;
}

struct body_source body_source_of(const char *text)
{
	return (struct body_source){.size_bytes = strlen(text),
				    .open = text_open,
				    .read = text_read,
				    .close = g_free,
				    .place = (char *)text};
}

/* ---- building ---- */

static void piece_clear(void *pointer)
{
	struct piece *piece = pointer;
	if (piece->text != NULL)
		g_string_free(piece->text, TRUE);
}

struct body *body_new(void)
{
	struct body *body = g_new0(struct body, 1);
	body->pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
	g_array_set_clear_func(body->pieces, piece_clear);
	body->encoded = g_malloc(ENCODED_MAX);
	return body;
}

void body_free(struct body *body)
{
	if (body == NULL)
		return;
	body_rewind(body);
	g_array_free(body->pieces, TRUE);
	g_free(body->encoded);
	g_free(body);
}

static struct piece *piece_at(const struct body *body, guint index)
{
	return &g_array_index(body->pieces, struct piece, index);
}

/* Texts in a row are one piece. */
static GString *body_last_text(struct body *body)
{
	const guint count = body->pieces->len;
	if (count == 0 || piece_at(body, count - 1)->text == NULL) {
		const struct piece piece = {.text = g_string_new(NULL)};
		g_array_append_val(body->pieces, piece);
	}
	return piece_at(body, body->pieces->len - 1)->text;
}

void body_add_text(struct body *body, const char *text)
{
	g_string_append(body_last_text(body), text);
}

/* For numbers and names of the program: nothing is escaped. */
void body_add_format(struct body *body, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_string_append_vprintf(body_last_text(body), format, arguments);
	va_end(arguments);
}

/* Escapes what JSON does not take, and DEL, which some receivers do not take. */
static size_t body_encode_json(const char *bytes, size_t size, char *to)
{
	char *at = to;
	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)bytes[i];
		if (c == '"' || c == '\\') {
			*at++ = '\\';
			*at++ = (char)c;
		} else if (c == '\n') {
			*at++ = '\\';
			*at++ = 'n';
		} else if (c < 0x20 || c == 0x7f) {
			at += g_snprintf(at, 7, "\\u%04x", c);
		} else {
			*at++ = (char)c;
		}
	}
	return (size_t)(at - to);
}

/* Through the same buffer as a source, piece by piece. */
void body_add_json(struct body *body, const char *text)
{
	GString *last = body_last_text(body);
	for (size_t left = strlen(text); left > 0;) {
		const size_t size = MIN(left, PIECE);
		const size_t length = body_encode_json(text, size, body->encoded);
		g_string_append_len(last, body->encoded, (gssize)length);
		text += size;
		left -= size;
	}
}

/* A text in memory is short, so that it is converted as a whole. */
void body_add_crlf(struct body *body, const char *text)
{
	struct crlf crlf = {.after_cr = false};
	const size_t size = strlen(text);
	g_autofree char *converted = g_malloc(2 * size + 1);
	g_string_append_len(body_last_text(body), converted,
			    (gssize)crlf_convert(&crlf, text, size, converted));
}

/* The source is opened when its turn comes: a mail with a thousand attachments needs one
 * descriptor at a time. */
void body_add_source(struct body *body, const struct body_source *source,
		     enum body_encoding encoding)
{
	const struct piece piece = {.source = *source, .encoding = encoding};
	g_array_append_val(body->pieces, piece);
}

/* ---- reading ---- */

static void body_close_stream(struct body *body)
{
	if (body->open)
		piece_at(body, body->current)->source.close(body->stream);
	body->open = false;
	body->stream = NULL;
}

/* A body is read more than once: for its length, its signature, each redirect, each try. */
void body_rewind(struct body *body)
{
	body_close_stream(body);
	body->current = 0;
	body->text_done = 0;
	body->encoded_at = body->encoded_end = 0;
}

static void body_go_on(struct body *body)
{
	body_close_stream(body);
	body->current++;
	body->text_done = 0;
}

/* Fills body->encoded with what the next bytes of the current source become. *ret_end: there are
 * no more. */
static int body_encode_next(struct body *body, const struct piece *piece, bool *ret_end,
			    struct error *err)
{
	char bytes[PIECE];
	size_t size;
	if (piece->source.read(body->stream, bytes, sizeof bytes, &size, err) != 0)
		return -1;
	*ret_end = size == 0;
	body->encoded_at = 0;
	if (piece->encoding == BODY_JSON)
		body->encoded_end = body_encode_json(bytes, size, body->encoded);
	else if (piece->encoding == BODY_CRLF)
		body->encoded_end = crlf_convert(&body->crlf, bytes, size, body->encoded);
	else if (size > 0)
		body->encoded_end =
		    g_base64_encode_step((const guchar *)bytes, size, FALSE, body->encoded,
					 &body->base64_state, &body->base64_save);
	else
		body->encoded_end = g_base64_encode_close(FALSE, body->encoded, &body->base64_state,
							  &body->base64_save);
	return 0;
}

/* Bytes of the current piece, a source; 0 bytes at its end. */
static int body_read_source(struct body *body, const struct piece *piece, void *bytes, size_t room,
			    size_t *ret_size, struct error *err)
{
	if (!body->open) {
		if (piece->source.open(piece->source.place, &body->stream, err) != 0)
			return -1;
		body->open = true;
		body->base64_state = body->base64_save = 0;
		body->crlf.after_cr = false;
	}
	if (piece->encoding == BODY_AS_IS)
		return piece->source.read(body->stream, bytes, room, ret_size, err);
	bool end = false;
	while (body->encoded_at == body->encoded_end && !end) {
		if (body_encode_next(body, piece, &end, err) != 0)
			return -1;
	}
	*ret_size = MIN(room, body->encoded_end - body->encoded_at);
	memcpy(bytes, body->encoded + body->encoded_at, *ret_size);
	body->encoded_at += *ret_size;
	return 0;
}

/* A text lies in memory in its final form, so that it is only copied. */
static size_t body_read_text(struct body *body, const GString *text, void *bytes, size_t room)
{
	const size_t size = MIN(room, text->len - body->text_done);
	memcpy(bytes, text->str + body->text_done, size);
	body->text_done += size;
	return size;
}

/* Goes from piece to piece until there are bytes: an empty piece is not the end. */
int body_read(struct body *body, void *bytes, size_t room, size_t *ret_size, struct error *err)
{
	size_t size = 0;
	while (size == 0 && room > 0 && body->current < body->pieces->len) {
		const struct piece *piece = piece_at(body, body->current);
		if (piece->text != NULL)
			size = body_read_text(body, piece->text, bytes, room);
		else if (body_read_source(body, piece, bytes, room, &size, err) != 0)
			return -1;
		if (size == 0)
			body_go_on(body);
	}
	*ret_size = size;
	return 0;
}

/* How many escapes or carriage returns a text needs is known only by reading it. */
static int body_measure_text(struct body *body, guint index, uint64_t *size, struct error *err)
{
	const struct piece *piece = piece_at(body, index);
	body_rewind(body);
	body->current = index;
	for (size_t step = 1; step > 0; *size += step) {
		if (body_read_source(body, piece, (char[PIECE]){0}, PIECE, &step, err) != 0)
			return -1;
	}
	return 0;
}

/* A request says its length first. Base64 and plain bytes are computed from the size, without
 * reading. */
int body_measure(struct body *body, uint64_t *ret_size, struct error *err)
{
	uint64_t size = 0;
	for (guint i = 0; i < body->pieces->len; i++) {
		const struct piece *piece = piece_at(body, i);
		if (piece->text != NULL)
			size += piece->text->len;
		else if (piece->encoding == BODY_AS_IS)
			size += piece->source.size_bytes;
		else if (piece->encoding == BODY_BASE64)
			size += (piece->source.size_bytes + 2) / 3 * 4;
		else if (body_measure_text(body, i, &size, err) != 0)
			return -1;
	}
	body_rewind(body);
	*ret_size = size;
	return 0;
}
