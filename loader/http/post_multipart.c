#include "loader/http/post_format.h"

#include <inttypes.h>
#include <string.h>

/* multipart/form-data as RFC 7578 has it, names written as browsers write them. */
struct multipart {
	struct body *body;
	char boundary[64];
};

/* WHATWG HTML, "multipart/form-data encoding algorithm": a name cannot end its own quotes. */
static char *multipart_escape(const char *name)
{
	GString *escaped = g_string_new(NULL);
	for (; *name != '\0'; name++) {
		if (*name == '"')
			g_string_append(escaped, "%22");
		else if (*name == '\r')
			g_string_append(escaped, "%0D");
		else if (*name == '\n')
			g_string_append(escaped, "%0A");
		else
			g_string_append_c(escaped, *name);
	}
	return g_string_free(escaped, FALSE);
}

static void multipart_begin(struct multipart *multipart, const char *name)
{
	g_autofree char *escaped = multipart_escape(name);
	body_add_format(multipart->body, "--%s\r\nContent-Disposition: form-data; name=\"%s\"",
			multipart->boundary, escaped);
}

static void multipart_add_text(struct multipart *multipart, const char *name, const char *value)
{
	multipart_begin(multipart, name);
	body_add_text(multipart->body, "\r\n\r\n");
	body_add_text(multipart->body, value);
	body_add_text(multipart->body, "\r\n");
}

static void multipart_add_source(struct multipart *multipart, const char *name,
				 const struct body_source *source)
{
	multipart_begin(multipart, name);
	body_add_text(multipart->body, "\r\n\r\n");
	body_add_source(multipart->body, source, BODY_AS_IS);
	body_add_text(multipart->body, "\r\n");
}

static void multipart_add_file(struct multipart *multipart, const struct post_attachment *file)
{
	g_autofree char *file_name = multipart_escape(file->file_name);
	g_autofree char *content_type = multipart_escape(file->content_type);
	multipart_begin(multipart, "attachments[]");
	body_add_format(multipart->body, "; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n", file_name,
			content_type);
	body_add_source(multipart->body, &file->content, BODY_AS_IS);
	body_add_text(multipart->body, "\r\n");
}

static void multipart_add_headers(struct multipart *multipart, const struct post *post)
{
	g_autoptr(GArray) keys = post_list_headers(post);
	for (guint i = 0; i < keys->len; i++) {
		const struct post_key *key = &g_array_index(keys, struct post_key, i);
		for (guint j = 0; j < key->values->len; j++) {
			g_autofree char *name =
			    key->values->len == 1 ? g_strdup_printf("headers[%s]", key->key)
						  : g_strdup_printf("headers[%s][%u]", key->key, j);
			multipart_add_text(multipart, name, g_ptr_array_index(key->values, j));
		}
	}
}

static void multipart_add_envelope(struct multipart *multipart, const struct post *post)
{
	multipart_add_text(multipart, "envelope[to]", post->to);
	multipart_add_text(multipart, "envelope[recipients][0]", post->to);
	multipart_add_text(multipart, "envelope[from]", post->from);
}

static void multipart_add_mail(struct multipart *multipart, const struct post *post)
{
	multipart_add_headers(multipart, post);
	multipart_add_envelope(multipart, post);
	multipart_add_source(multipart, "plain", &post->plain);
	if (post->has_html)
		multipart_add_source(multipart, "html", &post->html);
	multipart_add_text(multipart, "reply_plain", post->reply_plain);
	for (size_t i = 0; i < post->attachment_count; i++)
		multipart_add_file(multipart, &post->attachments[i]);
}

struct body *post_multipart_body(const struct post *post, bool raw, char **ret_content_type)
{
	struct multipart multipart = {.body = body_new()};
	/* Random, so that nobody can write a mail that holds it. */
	g_autofree char *random = g_uuid_string_random();
	g_snprintf(multipart.boundary, sizeof multipart.boundary, "inqueue-%s", random);
	if (raw) {
		multipart_add_envelope(&multipart, post);
		multipart_add_source(&multipart, "message", &post->raw);
	} else {
		multipart_add_mail(&multipart, post);
	}
	body_add_format(multipart.body, "--%s--\r\n", multipart.boundary);
	*ret_content_type = g_strdup_printf("multipart/form-data; boundary=%s", multipart.boundary);
	return multipart.body;
}
