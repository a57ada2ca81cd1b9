/* The order in which a message is taken apart: header, parts, bodies, attachments, the reply,
 * calendars, who wrote it. */
#include "mime/mime.h"

#include "mime/auto_class.h"
#include "mime/body.h"
#include "mime/calendar.h"
#include "mime/charset.h"
#include "mime/cms.h"
#include "mime/container_internal.h"
#include "mime/content_field.h"
#include "mime/header.h"
#include "mime/html.h"
#include "mime/reply.h"
#include "mime/text.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <libxml/xmlversion.h>
#include <string.h>

/* Each of these reads files, or would when it is used first: in a sandbox that is too late. */
int mime_open(void)
{
	html_text_open();
	part_tree_open();
	calendar_open();
	cms_open();
	return charset_choice_open();
}

/* For tests; the parser's memory goes with its process. */
void mime_close(void)
{
	charset_choice_close();
	html_text_close();
}

/* One message being parsed. */
struct parse {
	const struct mime_options *options;
	struct input *input;
	struct mime_output *output;
	struct defects *defects;
	struct header *header;
	struct mime_message *message;
};

/* GMime is named as it runs, libxml2 as it was compiled with. */
char *mime_library(void)
{
	return g_strdup_printf("libxml2 %s, GMime %u.%u.%u", LIBXML_DOTTED_VERSION,
			       gmime_major_version, gmime_minor_version, gmime_micro_version);
}

static bool starts_with(struct input *input, const char *word)
{
	size_t length;
	const unsigned char *bytes = input_at(input, 0, &length);

	return length >= strlen(word) && memcmp(bytes, word, strlen(word)) == 0;
}

/* An mbox file's separator, left at the start by whoever cut the file up. */
static uint64_t skip_mbox_line(struct parse *parse)
{
	struct line line;

	if ((!starts_with(parse->input, "From ") && !starts_with(parse->input, ">From ")) ||
	    !input_line(parse->input, 0, &line))
		return 0;
	defects_add(parse->defects, "starts with an mbox 'From ' line");
	return line.next;
}

/* A mail without any field is a text, and becomes an entry with that. */
static void read_header(struct parse *parse)
{
	struct header_limits limits = {
	    .max_size = parse->options->max_header_size,
	    .max_fields = parse->options->max_headers,
	};

	uint64_t start = header_start(parse->input, skip_mbox_line(parse), parse->defects);
	parse->header = header_read(parse->input, start, &limits, parse->defects);
	if (parse->header->count == 0)
		defects_add(parse->defects, "no header");
}

/* Raw bytes in a header are most likely in the charset of the text: one program wrote both. */
static char *charset_hint(const struct parse *parse)
{
	const struct field *field = header_find(parse->header, "Content-Type");

	g_autofree char *clean =
	    content_field_clean(field ? field->value : "", field ? field->length : 0);
	struct parameters *content = parameters_parse(clean, strlen(clean));
	char *hint = fields_charset(parse->header, parameters_bytes(content, "charset"));
	parameters_free(content);
	return hint;
}

/* A mail that nobody here can read has a text that says so. */
static void tell_of_encryption(struct parse *parse, const struct part_tree *tree, const char *name)
{
	struct mime_content *text = &parse->message->text_body;
	struct content_writer writer;

	if (!name || (text->present && !text_is_blank(text, parse->output)))
		return;
	g_autofree char *words =
	    g_strdup_printf("This mail is encrypted (%s); its content lies in the attachment %s.\n",
			    tree->encryption, name);
	content_begin(&writer, parse->output, text);
	sink_write(&writer.sink, words, strlen(words));
}

/* Of a message that could not be taken apart nothing may be missing, so it is attached as it is. */
static void store_attachments(struct parse *parse, const struct part_tree *tree, const char *hint)
{
	struct mime_message *message = parse->message;
	struct attachments attachments = {
	    .input = parse->input,
	    .output = parse->output,
	    .defects = parse->defects,
	    .hint = hint,
	    .encrypted = tree->encrypted,
	    .list = g_array_new(FALSE, FALSE, sizeof(struct mime_attachment)),
	};

	if (tree->capped || parse->header->capped)
		attachments_add_message(&attachments);
	else
		attachments_add(&attachments, tree->root);
	if (parse->options->attach_html && message->html_body.present)
		attachments_add_content(&attachments, "original.html", "text/html",
					&message->html_body);
	tell_of_encryption(parse, tree, attachments.encrypted_name);
	message->attachment_count = attachments.list->len;
	message->attachments = (void *)g_array_free(attachments.list, FALSE);
	g_free(attachments.encrypted_name);
}

/* The order counts: what is chosen as a body is no attachment, and the reply is looked for in
 * the text that was written. */
static void parse_body(struct parse *parse, const char *hint)
{
	struct part_tree *tree = part_tree_read(parse->input, parse->header, parse->options,
						parse->output, parse->defects);

	if (!tree->capped)
		containers_open(tree, parse->options, parse->output, parse->defects);
	struct body body = body_choose(tree->root, parse->defects);

	body_store(&body, parse->output, parse->defects, parse->message);
	store_attachments(parse, tree, hint);
	parse->message->reply_plain = reply_body(&parse->message->text_body, parse->output);
	parse->message->signature = g_strdup(tree->signature);
	calendars_read(tree->root, parse->output, parse->defects, parse->message);
	auto_class_fill(parse->message, parse->header, parse->output);
	body_clear(&body);
	part_tree_free(tree);
}

/* Defects last: every step before may add to them. */
static void parse_message(struct parse *parse)
{
	read_header(parse);
	g_autofree char *hint = charset_hint(parse);
	fields_fill(parse->message, parse->header, hint, parse->defects);
	if (!parse->options->header_only)
		parse_body(parse, hint);
	parse->message->defects = defects_format(parse->defects);
}

/* A failure leaves the output as it was, so that the next message begins where this one did. */
int mime_parse(const struct mime_options *options, int input_fd, uint64_t offset, uint64_t size,
	       struct mime_output *output, struct mime_message **ret_message)
{
	uint64_t output_start = mime_output_tell(output);
	struct parse parse = {
	    .options = options,
	    .input = input_new(input_fd, offset, size),
	    .output = output,
	    .defects = defects_new(),
	    .message = g_new0(struct mime_message, 1),
	};

	parse_message(&parse);
	int error = parse.input->error ? parse.input->error : output->error;
	if (error) {
		mime_message_free(parse.message);
		output_rewind(output, output_start);
	} else {
		*ret_message = parse.message;
	}
	header_free(parse.header);
	defects_free(parse.defects);
	input_free(parse.input);
	errno = error;
	return error ? -1 : 0;
}
