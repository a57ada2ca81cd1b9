#include "mime/body.h"

#include <string.h>

static struct body choose(const struct part *part);

static bool has_body(struct body body)
{
	return body.text || body.html;
}

static struct body choose_leaf(const struct part *part)
{
	struct body body = {0};

	if (strcmp(parameters_value(part->disposition), "attachment") == 0)
		return body;
	if (part_is(part, "text/plain"))
		body.text = part;
	else if (part_is(part, "text/html") || part_is(part, "application/xhtml+xml"))
		body.html = part;
	return body;
}

/* RFC 2046, 5.1.4: the last is the best. */
static struct body choose_alternative(const struct part *part)
{
	struct body body = {0};

	for (guint i = 0; i < part->children->len; i++) {
		struct body child = choose(g_ptr_array_index(part->children, i));
		if (child.text)
			body.text = child.text;
		if (child.html)
			body.html = child.html;
	}
	return body;
}

static bool id_matches(const char *content_id, const char *start)
{
	size_t length = strlen(content_id);

	if (*start == '<')
		start++;
	return strncmp(start, content_id, length) == 0 && (start[length] == '>' || !start[length]);
}

static struct body choose_related(const struct part *part)
{
	const char *start = parameters_bytes(part->content, "start");

	for (guint i = 0; start && i < part->children->len; i++) {
		const struct part *child = g_ptr_array_index(part->children, i);
		if (child->content_id && id_matches(child->content_id, start))
			return choose(child);
	}
	return choose(g_ptr_array_index(part->children, 0));
}

static bool is_file(const struct part *part)
{
	return !part->is_multipart && (parameters_bytes(part->disposition, "filename") ||
				       parameters_bytes(part->content, "name"));
}

static struct body choose_mixed(const struct part *part)
{
	struct body body = {0};

	for (guint i = 0; i < part->children->len && !has_body(body); i++) {
		const struct part *child = g_ptr_array_index(part->children, i);
		if (!is_file(child))
			body = choose(child);
	}
	return body;
}

static struct body choose(const struct part *part)
{
	if (!part->is_multipart)
		return choose_leaf(part);
	if (part_is(part, "multipart/alternative"))
		return choose_alternative(part);
	if (part_is(part, "multipart/related"))
		return choose_related(part);
	if (part_is(part, "multipart/signed"))
		return choose(g_ptr_array_index(part->children, 0));
	if (part_is(part, "multipart/encrypted"))
		return (struct body){0};
	return choose_mixed(part);
}

struct body body_choose(const struct part *root)
{
	return choose(root);
}
