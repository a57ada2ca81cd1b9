/* Makes the body of a post from a mail: JSON, or multipart/form-data (RFC 7578) with names
 * written as browsers write them; and signs it. */
#include "loader/http/post.h"

#include "loader/base/redact.h"

#include <glib.h>
#include <inttypes.h>
#include <nettle/hmac.h>
#include <string.h>

/* ---- header fields ---- */

/* One key of the header, with its values: borrowed strings. */
struct post_key {
	char *key;
	GPtrArray *values;
};

/* "Reply-To" is the key "reply_to". Caller frees. */
static char *post_header_key(const char *name)
{
	return g_strdelimit(g_ascii_strdown(name, -1), "-", '_');
}

static void post_key_clear(void *pointer)
{
	struct post_key *key = pointer;
	g_free(key->key);
	g_ptr_array_free(key->values, TRUE);
}

/* The keys in the order of their first appearance, struct post_key. Caller frees. */
static GArray *post_list_headers(const struct post *post)
{
	GArray *keys = g_array_new(FALSE, FALSE, sizeof(struct post_key));
	g_array_set_clear_func(keys, post_key_clear);
	g_autoptr(GHashTable) values_of =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (size_t i = 0; i < post->header_count; i++) {
		char *name = post_header_key(post->headers[i].name);
		GPtrArray *values = g_hash_table_lookup(values_of, name);
		if (values == NULL) {
			values = g_ptr_array_new();
			const struct post_key key = {.key = g_strdup(name), .values = values};
			g_array_append_val(keys, key);
			g_hash_table_insert(values_of, name, values);
		} else {
			g_free(name);
		}
		g_ptr_array_add(values, (char *)post->headers[i].value);
	}
	return keys;
}

/* ---- JSON ---- */

/* The quotes stand outside of what is escaped. */
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

/* One value is a string, several are a list, as CloudMailin has it. */
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

/* A list of keys, not of fields: receivers look a header up by its name. */
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

/* The member is there in any case, so that receivers need not ask for it. */
static void json_add_optional(struct body *body, const char *name, const char *text)
{
	body_add_format(body, ",\"%s\":", name);
	if (text != NULL)
		json_add_string(body, text);
	else
		body_add_text(body, "null");
}

/* The content comes last: a receiver that reads as it arrives knows name and type by then. */
static void json_add_attachment(struct body *body, const struct post_attachment *attachment)
{
	body_add_text(body, "{\"file_name\":");
	json_add_string(body, attachment->file_name);
	json_add_optional(body, "content_type", attachment->content_type);
	body_add_format(body, ",\"size\":%" PRIu64, attachment->content.size_bytes);
	json_add_optional(body, "disposition", attachment->disposition);
	g_autofree char *content_id =
	    attachment->content_id != NULL ? g_strdup_printf("<%s>", attachment->content_id) : NULL;
	json_add_optional(body, "content_id", content_id);
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
	/* Known to a server that takes mail by SMTP; receivers' types ask for them. */
	body_add_text(body, ",\"helo_domain\":null,\"remote_ip\":null,\"spf\":null,\"tls\":null}");
}

/* The order of the members is CloudMailin's. */
static struct body *post_json_body(const struct post *post, char **ret_content_type)
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

/* ---- multipart ---- */

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

/* Leaves the line open, because a file puts its name into the same field. */
static void multipart_begin(struct multipart *multipart, const char *name)
{
	g_autofree char *escaped = multipart_escape(name);
	body_add_format(multipart->body, "--%s\r\nContent-Disposition: form-data; name=\"%s\"",
			multipart->boundary, escaped);
}

/* RFC 2046, 4.1.1: lines of a text part end with CRLF. */
static void multipart_add_text(struct multipart *multipart, const char *name, const char *value)
{
	multipart_begin(multipart, name);
	body_add_text(multipart->body, "\r\n\r\n");
	body_add_crlf(multipart->body, value);
	body_add_text(multipart->body, "\r\n");
}

static void multipart_add_source(struct multipart *multipart, const char *name,
				 const struct body_source *source, enum body_encoding encoding)
{
	multipart_begin(multipart, name);
	body_add_text(multipart->body, "\r\n\r\n");
	body_add_source(multipart->body, source, encoding);
	body_add_text(multipart->body, "\r\n");
}

/* The brackets let PHP and Rails make a list of files with one name. */
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

/* A field that occurs several times gets an index behind its name. */
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
	multipart_add_source(multipart, "plain", &post->plain, BODY_CRLF);
	if (post->has_html)
		multipart_add_source(multipart, "html", &post->html, BODY_CRLF);
	multipart_add_text(multipart, "reply_plain", post->reply_plain);
	for (size_t i = 0; i < post->attachment_count; i++)
		multipart_add_file(multipart, &post->attachments[i]);
}

/* `raw` puts the mail as it came in place of its parts. */
static struct body *post_multipart_body(const struct post *post, bool raw, char **ret_content_type)
{
	struct multipart multipart = {.body = body_new()};
	/* The boundary is random, so that nobody can write a mail that holds it. */
	g_autofree char *random = g_uuid_string_random();
	g_snprintf(multipart.boundary, sizeof multipart.boundary, "inqueue-%s", random);
	if (raw) {
		multipart_add_envelope(&multipart, post);
		multipart_add_source(&multipart, "message", &post->raw, BODY_AS_IS);
	} else {
		multipart_add_mail(&multipart, post);
	}
	body_add_format(multipart.body, "--%s--\r\n", multipart.boundary);
	*ret_content_type = g_strdup_printf("multipart/form-data; boundary=%s", multipart.boundary);
	return multipart.body;
}

/* ---- formats ---- */

static const char *const format_names[] = {
    [POST_MULTIPART] = "multipart",
    [POST_JSON] = "json",
    [POST_RAW] = "raw",
};

const char *post_format_name(enum post_format format)
{
	return format_names[format];
}

int post_format_parse(const char *text, enum post_format *ret_format)
{
	for (size_t i = 0; i < G_N_ELEMENTS(format_names); i++) {
		if (strcmp(text, format_names[i]) == 0) {
			*ret_format = (enum post_format)i;
			return 0;
		}
	}
	return -1;
}

struct body *post_body(const struct post *post, enum post_format format, char **ret_content_type)
{
	if (format == POST_JSON)
		return post_json_body(post, ret_content_type);
	return post_multipart_body(post, format == POST_RAW, ret_content_type);
}

/* ---- signatures ---- */

#define KEY_PREFIX "whsec_"
#define PIECE	   ((size_t)16 * 1024)

/* A key of Standard Webhooks begins with whsec_ and is base64; any other text is the key itself. */
static int signature_set_key(const char *key, struct hmac_sha256_ctx *hmac, struct error *err)
{
	if (!g_str_has_prefix(key, KEY_PREFIX)) {
		hmac_sha256_set_key(hmac, strlen(key), (const uint8_t *)key);
		return 0;
	}
	const char *text = key + strlen(KEY_PREFIX);
	gsize size;
	g_autofree guchar *bytes = g_base64_decode(text, &size);
	if (size == 0 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/=") != strlen(text))
		return error_set(err, ERROR_CONFIGURATION,
				 "it begins with " KEY_PREFIX ", but what follows is not base64");
	hmac_sha256_set_key(hmac, size, bytes);
	redact_add(bytes, size);
	explicit_bzero(bytes, size);
	return 0;
}

/* A key that cannot sign is refused when the queue is defined, not at the first post. */
int signature_check_key(const char *key, struct error *err)
{
	struct hmac_sha256_ctx hmac;
	if (signature_set_key(key, &hmac, err) != 0)
		return -1;
	explicit_bzero(&hmac, sizeof hmac);
	return 0;
}

/* Reads the body once for the signature; it is read again when it is sent. */
int signature_make(const struct signature_input *input, struct body *body,
		   char ret_signature[static SIGNATURE_SIZE], struct error *err)
{
	struct hmac_sha256_ctx hmac;
	if (signature_set_key(input->key, &hmac, err) != 0)
		return -1;
	g_autofree char *start = g_strdup_printf("%s.%" PRId64 ".", input->id, input->time_s);
	hmac_sha256_update(&hmac, strlen(start), (const uint8_t *)start);
	uint8_t bytes[PIECE];
	size_t size = 1;
	body_rewind(body);
	while (size > 0) {
		if (body_read(body, bytes, sizeof bytes, &size, err) != 0)
			return -1;
		hmac_sha256_update(&hmac, size, bytes);
	}
	body_rewind(body);
	uint8_t digest[SHA256_DIGEST_SIZE];
	hmac_sha256_digest(&hmac, sizeof digest, digest);
	explicit_bzero(&hmac, sizeof hmac);
	g_autofree char *base64 = g_base64_encode(digest, sizeof digest);
	g_snprintf(ret_signature, SIGNATURE_SIZE, "v1,%s", base64);
	return 0;
}
