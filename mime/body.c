/* The one place that says what the reader of a message reads. */
#include "mime/body.h"

#include "mime/part.h"

#include <string.h>

static void choose(struct part *part, struct body *body);

static struct body body_new(void)
{
	return (struct body){g_ptr_array_new(), g_ptr_array_new()};
}

void body_clear(struct body *body)
{
	g_ptr_array_unref(body->text);
	g_ptr_array_unref(body->html);
}

static struct part *child_at(const struct part *part, guint i)
{
	return g_ptr_array_index(part->children, i);
}

static void add_all(GPtrArray *to, const GPtrArray *from)
{
	for (guint i = 0; i < from->len; i++)
		g_ptr_array_add(to, g_ptr_array_index(from, i));
}

static bool is_html(const struct part *part)
{
	return part_is(part, "text/html") || part_is(part, "application/xhtml+xml");
}

static bool is_attached(const struct part *part)
{
	return strcmp(parameters_value(part->disposition), "attachment") == 0;
}

/* HTML stands in both lists: it is the text as well where there is no other. */
static void choose_leaf(struct part *part, struct body *body)
{
	if (is_attached(part) || part->is_spare)
		return;
	if (part_is(part, "text/plain") || is_html(part))
		g_ptr_array_add(body->text, part);
	if (is_html(part))
		g_ptr_array_add(body->html, part);
}

/* --- alternatives --------------------------------------------------------- */

/* What a branch begins with says what it is: a text with a picture in it, or a picture with a
 * text below. */
static const struct part *first_leaf(const struct part *part)
{
	while (part->children->len > 0)
		part = child_at(part, 0);
	return part;
}

static bool has_plain(const GPtrArray *parts)
{
	for (guint i = 0; i < parts->len; i++)
		if (part_is(g_ptr_array_index(parts, i), "text/plain"))
			return true;
	return false;
}

static bool has_text(const GPtrArray *parts)
{
	for (guint i = 0; i < parts->len; i++)
		if (part_has_text(g_ptr_array_index(parts, i)))
			return true;
	return false;
}

/* A branch of an alternative, as one kind of body. */
struct branch {
	const struct part *part;
	const GPtrArray *parts; /* that it would be */
	bool late;		/* behind the HTML */
};

/* Whether it has text counts most, then where it stands. */
static unsigned branch_worth(const struct branch *branch)
{
	const struct part *leaf = first_leaf(branch->part);
	bool begins = g_str_has_prefix(leaf->type, "text/") || is_html(leaf);

	return (has_text(branch->parts) ? 4U : 0) + (begins ? 2U : 0) + (branch->late ? 0 : 1U);
}

/* The best, the last of equals (RFC 2046, 5.1.4); the others' blank texts are nothing to attach. */
static const GPtrArray *branch_choose(const GArray *branches)
{
	const GPtrArray *best = NULL;
	unsigned best_worth = 0;

	if (branches->len == 1)
		return g_array_index(branches, struct branch, 0).parts;
	for (guint i = 0; i < branches->len; i++) {
		const struct branch *branch = &g_array_index(branches, struct branch, i);
		unsigned worth = branch_worth(branch);
		if (best && worth < best_worth)
			continue;
		best = branch->parts;
		best_worth = worth;
	}
	return best;
}

/* Marked as bodies, so that nobody gets an empty text as a file. */
static void drop_blanks(const GPtrArray *parts)
{
	for (guint i = 0; i < parts->len; i++) {
		struct part *part = g_ptr_array_index(parts, i);
		if (part_is(part, "text/plain") && !part_is_named(part) && !part_has_text(part))
			part->is_body = true;
	}
}

/* Where no branch has plain text, the text is made of the HTML that was chosen. */
static void choose_branches(const struct part *part, const struct body *bodies, struct body *body)
{
	g_autoptr(GArray) plain = g_array_new(FALSE, FALSE, sizeof(struct branch));
	g_autoptr(GArray) html = g_array_new(FALSE, FALSE, sizeof(struct branch));

	for (guint i = 0; i < part->children->len; i++) {
		struct branch branch = {child_at(part, i), bodies[i].text, html->len > 0};
		if (has_plain(bodies[i].text))
			g_array_append_val(plain, branch);
		branch = (struct branch){child_at(part, i), bodies[i].html, false};
		if (bodies[i].html->len > 0)
			g_array_append_val(html, branch);
	}
	const GPtrArray *chosen_html = branch_choose(html);
	const GPtrArray *chosen_text = branch_choose(plain);
	if (chosen_html)
		add_all(body->html, chosen_html);
	for (guint i = 0; i < part->children->len && !chosen_text; i++)
		if (bodies[i].html == chosen_html)
			chosen_text = bodies[i].text;
	if (chosen_text)
		add_all(body->text, chosen_text);
	for (guint i = 0; plain->len > 1 && i < part->children->len; i++)
		if (bodies[i].text != chosen_text)
			drop_blanks(bodies[i].text);
}

static void choose_alternative(const struct part *part, struct body *body)
{
	g_autofree struct body *bodies = g_new(struct body, part->children->len);

	for (guint i = 0; i < part->children->len; i++) {
		bodies[i] = body_new();
		choose(child_at(part, i), &bodies[i]);
	}
	choose_branches(part, bodies, body);
	for (guint i = 0; i < part->children->len; i++)
		body_clear(&bodies[i]);
}

/* --- other multiparts ----------------------------------------------------- */

/* Some mailers leave the angle brackets out. */
static bool id_matches(const char *content_id, const char *start)
{
	size_t length = strlen(content_id);

	if (*start == '<')
		start++;
	return strncmp(start, content_id, length) == 0 && (start[length] == '>' || !start[length]);
}

/* Of multipart/related; NULL when it does not say. */
static struct part *root_of(const struct part *part)
{
	const char *start = parameters_bytes(part->content, "start");
	const char *type = parameters_bytes(part->content, "type");

	for (guint i = 0; start && i < part->children->len; i++) {
		struct part *child = child_at(part, i);
		if (child->content_id && id_matches(child->content_id, start))
			return child;
	}
	for (guint i = 0; type && i < part->children->len; i++)
		if (g_ascii_strcasecmp(child_at(part, i)->type, type) == 0)
			return child_at(part, i);
	return NULL;
}

/* What stands beside the root are its pictures; they are looked at only where the root has no
 * body. */
static void choose_related(const struct part *part, struct body *body)
{
	guint before = body->text->len;
	struct part *root = root_of(part);

	if (root)
		choose(root, body);
	for (guint i = 0; i < part->children->len && body->text->len == before; i++)
		if (child_at(part, i) != root)
			choose(child_at(part, i), body);
}

/* A text with a file name is a file; a multipart has none of its own. */
static void choose_mixed(const struct part *part, struct body *body)
{
	for (guint i = 0; i < part->children->len; i++) {
		struct part *child = child_at(part, i);
		if (child->is_multipart || !part_is_named(child))
			choose(child, body);
	}
}

static void choose(struct part *part, struct body *body)
{
	if (part->is_forwarded)
		return;
	if (!part->is_multipart)
		choose_leaf(part, body);
	else if (part_is(part, "multipart/alternative"))
		choose_alternative(part, body);
	else if (part_is(part, "multipart/related"))
		choose_related(part, body);
	else if (part_is(part, "multipart/signed") && part->children->len > 0)
		choose(child_at(part, 0), body);
	else if (!part_is(part, "multipart/encrypted"))
		choose_mixed(part, body);
}

/* --- the message ---------------------------------------------------------- */

/* Texts that have a file name, or are of another type. */
struct leftover {
	struct part *named;
	unsigned named_count;
	const struct part *other;
};

static void leftover_find(struct part *part, struct leftover *leftover)
{
	bool is_text = part_is(part, "text/plain") || is_html(part);

	if (part->is_forwarded || part_is(part, "multipart/encrypted"))
		return;
	for (guint i = 0; i < part->children->len; i++)
		leftover_find(child_at(part, i), leftover);
	if (part->is_multipart || is_attached(part))
		return;
	if (is_text && part_is_named(part) && part_has_text(part)) {
		leftover->named = part;
		leftover->named_count++;
	} else if (!is_text && !part_is_named(part) && g_str_has_prefix(part->type, "text/")) {
		leftover->other = part;
	}
}

/* A message without a text has one all the same, or says what it has instead. */
static void choose_leftover(struct part *root, struct body *body, struct defects *defects)
{
	struct leftover leftover = {0};

	leftover_find(root, &leftover);
	if (leftover.named_count == 1 && !has_text(body->text))
		choose_leaf(leftover.named, body);
	else if (leftover.other && body->text->len == 0)
		defects_add(defects, "no plain text and no HTML; %s attached",
			    leftover.other->type);
}

/* HTML that a container brings of the text that stands before it. */
static void choose_spare(struct part *part, struct body *body)
{
	if (part->is_forwarded)
		return;
	for (guint i = 0; i < part->children->len; i++)
		choose_spare(child_at(part, i), body);
	if (!part->is_spare)
		return;
	part->is_body = true;
	if (body->html->len == 0)
		g_ptr_array_add(body->html, part);
}

static void mark(const GPtrArray *parts)
{
	for (guint i = 0; i < parts->len; i++)
		((struct part *)g_ptr_array_index(parts, i))->is_body = true;
}

struct body body_choose(struct part *root, struct defects *defects)
{
	struct body body = body_new();

	choose(root, &body);
	if (body.html->len == 0)
		choose_leftover(root, &body, defects);
	choose_spare(root, &body);
	mark(body.text);
	mark(body.html);
	return body;
}
