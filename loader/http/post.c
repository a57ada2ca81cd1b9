#include "loader/http/post_format.h"

#include <string.h>

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

char *post_header_key(const char *name)
{
	return g_strdelimit(g_ascii_strdown(name, -1), "-", '_');
}

static void post_key_clear(void *pointer)
{
	struct post_key *key = pointer;
	g_free(key->key);
	g_ptr_array_free(key->values, TRUE);
}

GArray *post_list_headers(const struct post *post)
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

struct body *post_body(const struct post *post, enum post_format format, char **ret_content_type)
{
	if (format == POST_JSON)
		return post_json_body(post, ret_content_type);
	return post_multipart_body(post, format == POST_RAW, ret_content_type);
}
