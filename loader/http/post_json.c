#include "loader/http/post_format.h"

#include <inttypes.h>

static void json_add_string(struct body *body, const char *text)
{
	body_add_text(body, "\"");
	body_add_json(body, text);
	body_add_text(body, "\"");
}

static void json_add_source(struct body *body, const struct body_source *source,
			    enum body_encoding encoding)
{
	body_add_text(body, "\"");
	body_add_source(body, source, encoding);
	body_add_text(body, "\"");
}

static void json_add_values(struct body *body, const GPtrArray *values)
{
	if (values->len == 1) {
		json_add_string(body, g_ptr_array_index(values, 0));
		return;
	}
	for (guint i = 0; i < values->len; i++) {
		body_add_text(body, i == 0 ? "[" : ",");
		json_add_string(body, g_ptr_array_index(values, i));
	}
	body_add_text(body, "]");
}

static void json_add_headers(struct body *body, const struct post *post)
{
	g_autoptr(GArray) keys = post_list_headers(post);
	body_add_text(body, "\"headers\":{");
	for (guint i = 0; i < keys->len; i++) {
		const struct post_key *key = &g_array_index(keys, struct post_key, i);
		body_add_text(body, i == 0 ? "" : ",");
		json_add_string(body, key->key);
		body_add_text(body, ":");
		json_add_values(body, key->values);
	}
	body_add_text(body, "}");
}

static void json_add_optional(struct body *body, const char *name, const char *text)
{
	body_add_format(body, ",\"%s\":", name);
	if (text != NULL)
		json_add_string(body, text);
	else
		body_add_text(body, "null");
}

static void json_add_attachment(struct body *body, const struct post_attachment *attachment)
{
	body_add_text(body, "{\"file_name\":");
	json_add_string(body, attachment->file_name);
	json_add_optional(body, "content_type", attachment->content_type);
	body_add_format(body, ",\"size\":%" PRIu64, attachment->content.size_bytes);
	json_add_optional(body, "disposition", attachment->disposition);
	json_add_optional(body, "content_id", attachment->content_id);
	body_add_text(body, ",\"content\":");
	json_add_source(body, &attachment->content, BODY_BASE64);
	body_add_text(body, "}");
}

static void json_add_envelope(struct body *body, const struct post *post)
{
	body_add_text(body, ",\"envelope\":{\"to\":");
	json_add_string(body, post->to);
	body_add_text(body, ",\"recipients\":[");
	json_add_string(body, post->to);
	body_add_text(body, "],\"from\":");
	json_add_string(body, post->from);
	body_add_text(body, "}");
}

struct body *post_json_body(const struct post *post, char **ret_content_type)
{
	struct body *body = body_new();
	body_add_text(body, "{");
	json_add_headers(body, post);
	json_add_envelope(body, post);
	body_add_text(body, ",\"plain\":");
	json_add_source(body, &post->plain, BODY_JSON);
	if (post->has_html) {
		body_add_text(body, ",\"html\":");
		json_add_source(body, &post->html, BODY_JSON);
	}
	json_add_optional(body, "reply_plain", post->reply_plain);
	body_add_text(body, ",\"attachments\":[");
	for (size_t i = 0; i < post->attachment_count; i++) {
		body_add_text(body, i == 0 ? "" : ",");
		json_add_attachment(body, &post->attachments[i]);
	}
	body_add_text(body, "]}");
	*ret_content_type = g_strdup("application/json");
	return body;
}
