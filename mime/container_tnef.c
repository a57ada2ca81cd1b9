/* A winmail.dat becomes its text (where the mail has none before it), its HTML, and its files. RTF is
 * the HTML that it was made of, or text. */
#include "mime/container_internal.h"

#include "mime/charset.h"
#include "mime/content_field.h"
#include "mime/file_name.h"
#include "mime/input.h"
#include "mime/rtf.h"
#include "mime/sink.h"
#include "mime/tnef.h"

enum { NAME_BYTES_MAX = 2048 };

struct opening {
	struct containers *containers;
	const struct tnef *tnef;
	struct input *input;
	struct part *part; /* to fill with parts */
};

/* Gateways lose the type more often than the name. */
static bool is_named_so(const struct part *part, const char *name)
{
	const char *file = parameters_bytes(part->disposition, "filename");

	if (!file)
		file = parameters_bytes(part->content, "name");
	return file && g_ascii_strcasecmp(file, name) == 0;
}

bool container_is_tnef(const struct part *part)
{
	return part_is(part, "application/ms-tnef") || part_is(part, "application/vnd.ms-tnef") ||
	       is_named_so(part, "winmail.dat");
}

/* A code page of its own counts before that of the stream. */
static const char *label_of(const struct opening *opening, const struct tnef_value *value,
			    unsigned code_page)
{
	const char *label = code_page_label(code_page != 0 ? code_page : opening->tnef->code_page);

	return value->is_unicode ? "utf-16le" : label;
}

/* A value as one line of UTF-8; NULL where it has none. */
static char *line_of(const struct opening *opening, const struct tnef_value *value)
{
	char bytes[NAME_BYTES_MAX];
	size_t length = (size_t)MIN(value->end - value->begin, (uint64_t)sizeof(bytes));

	if (!value->present || !input_bytes(opening->input, value->begin, bytes, length))
		return NULL;
	return charset_line(bytes, length, label_of(opening, value, 0), NULL,
			    "a name in winmail.dat", opening->containers->defects);
}

/* --- bodies ------------------------------------------------------------------ */

/* The charset goes where a mail would have it, so that texts are read by the same code. */
static struct part *text_new(struct input *input, const char *type, uint64_t begin, uint64_t end,
			     const char *charset)
{
	struct part *part = part_new(input, type, begin, end);

	if (charset) {
		g_autofree char *field = g_strdup_printf("; charset=%s", charset);
		parameters_free(part->content);
		part->content = parameters_parse(field, strlen(field));
	}
	return part;
}

static struct part *value_part(const struct opening *opening, const struct tnef_value *value,
			       const char *type, unsigned code_page)
{
	return text_new(opening->input, type, value->begin, value->end,
			label_of(opening, value, code_page));
}

/* Writes the RTF in one of its forms; NULL where it has not got that. */
static struct part *rtf_part(const struct opening *opening, enum rtf_form form)
{
	struct containers *containers = opening->containers;
	const struct tnef_value *value = &opening->tnef->rtf;
	struct content_writer writer;
	struct mime_content content;

	content_begin(&writer, containers->output, &content);
	struct rtf *rtf = rtf_new(form, &writer.sink);
	bool whole = rtf_compressed_read(opening->input, value->begin, value->end, rtf_sink(rtf),
					 &containers->rtf_left);
	rtf_finish(rtf);
	bool is_there = content.size > 0 && (form == RTF_TEXT || rtf_is_from_html(rtf));
	rtf_free(rtf);
	if (!is_there)
		content_restart(&writer);
	if (!whole)
		defects_add(containers->defects, "RTF in winmail.dat damaged");
	struct input *input = is_there ? container_input(containers, &content) : NULL;
	return input ? text_new(input, form == RTF_HTML ? "text/html" : "text/plain", 0,
				input->size, "utf-8")
		     : NULL;
}

/* HTML that is there counts before HTML that RTF was made of. */
static struct part *html_of(const struct opening *opening)
{
	if (opening->tnef->html.present)
		return value_part(opening, &opening->tnef->html, "text/html",
				  opening->tnef->html_code_page);
	return opening->tnef->rtf.present ? rtf_part(opening, RTF_HTML) : NULL;
}

/* HTML is turned to text where there is nothing better. */
static struct part *plain_of(const struct opening *opening, bool has_html)
{
	if (opening->tnef->text.present)
		return value_part(opening, &opening->tnef->text, "text/plain", 0);
	return opening->tnef->rtf.present && !has_html ? rtf_part(opening, RTF_TEXT) : NULL;
}

/* Both forms of one text, as a mail would have them. Where the mail has a text before it, this HTML
 * is a body only if there is no other. */
static void bodies_add(const struct opening *opening)
{
	bool has_text = container_has_text(opening->containers);
	struct part *html = html_of(opening);
	struct part *plain = has_text ? NULL : plain_of(opening, html != NULL);
	struct part *both = part_new(opening->input, "multipart/alternative", 0, 0);

	both->is_multipart = true;
	if (plain)
		g_ptr_array_add(both->children, plain);
	if (html) {
		html->is_spare = has_text;
		g_ptr_array_add(both->children, html);
	}
	g_ptr_array_add(opening->part->children, both);
}

/* --- files ------------------------------------------------------------------- */

/* A message in it is such a stream again, and is opened in its turn. */
static char *type_of(const struct opening *opening, const struct tnef_file *file, const char *name)
{
	if (file->is_message)
		return g_strdup("application/ms-tnef");
	g_autofree char *line = line_of(opening, &file->type);
	char *type = line ? content_field_type(line) : NULL;
	return type ? type : g_strdup(name ? file_name_type(name) : "application/octet-stream");
}

/* A message in it is no mail: its file must not be called one. */
static char *name_of(const struct opening *opening, const struct tnef_file *file)
{
	g_autofree char *name = line_of(opening, &file->name);

	if (!name || !*name)
		return NULL;
	return file->is_message && !g_str_has_suffix(name, ".dat") ? g_strconcat(name, ".dat", NULL)
								   : g_steal_pointer(&name);
}

/* A file that the HTML may show has a Content-ID, and is not marked as attached. */
static void file_add(const struct opening *opening, const struct tnef_file *file)
{
	g_autofree char *name = name_of(opening, file);
	g_autofree char *type = type_of(opening, file, name);
	struct part *part = part_new(opening->input, type, file->data.begin, file->data.end);
	static const char attached[] = "attachment";

	part->is_message = file->is_message;
	part->content_id = line_of(opening, &file->content_id);
	if (!part->content_id) {
		parameters_free(part->disposition);
		part->disposition = parameters_parse(attached, strlen(attached));
	}
	part->name = g_steal_pointer(&name);
	g_ptr_array_add(opening->part->children, part);
}

/* Bodies before files, as in a mail. */
static void fill(const struct opening *opening)
{
	bodies_add(opening);
	for (guint i = 0; i < opening->tnef->files->len; i++)
		file_add(opening, &g_array_index(opening->tnef->files, struct tnef_file, i));
}

static void open_here(const struct opening *opening)
{
	struct containers *containers = opening->containers;
	struct part *part = opening->part;
	struct part *original = part_enclose(part);

	fill(opening);
	for (guint i = 0; i < part->children->len; i++)
		containers_walk(containers, g_ptr_array_index(part->children, i));
	g_ptr_array_add(part->children, original);
	defects_add(containers->defects, "winmail.dat (TNEF) opened: its text and files are taken");
	if (opening->tnef->damaged)
		defects_add(containers->defects, "winmail.dat (TNEF) damaged");
}

/* A message that lies in a winmail.dat. */
static void open_apart(const struct opening *opening)
{
	struct opening inner = *opening;

	inner.part = part_new(opening->input, "multipart/mixed", 0, 0);
	inner.part->is_multipart = true;
	fill(&inner);
	container_keep_apart(opening->containers, opening->part, inner.part);
}

/* Files count as parts: a stream must not hold more of them than a mail may. */
void container_open_tnef(struct containers *containers, struct part *part)
{
	struct input *input = container_decode(containers, part);
	struct tnef *tnef = input ? tnef_read(input, containers->parts_left) : NULL;
	struct opening opening = {containers, tnef, input, part};

	if (!tnef) {
		defects_add(containers->defects, "winmail.dat (TNEF) unreadable; left closed");
		return;
	}
	containers->parts_left -= MIN(containers->parts_left, tnef->files->len);
	if (part->is_message)
		open_apart(&opening);
	else
		open_here(&opening);
	tnef_free(tnef);
}
