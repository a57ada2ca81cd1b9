/*
 * mime_fixture.h - a message parsed from a string, and what tests of mime/ keep needing.
 *
 * Use: open_mime and close_mime as the group's setup and teardown; parse() or parse_with(), then
 *      parsed_clear().
 */
#ifndef TEST_MIME_FIXTURE_H
#define TEST_MIME_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/mime.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct parsed {
	struct mime_message *message;
	int output;
	uint64_t output_end;
};

static inline int open_mime(void **state)
{
	(void)state;
	return mime_open();
}

static inline int close_mime(void **state)
{
	(void)state;
	mime_close();
	return 0;
}

static inline int memory_file(const void *bytes, size_t length)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		assert_true(n > 0);
		bytes = (const char *)bytes + n;
		length -= (size_t)n;
	}
	return fd;
}

/* Parses the message at [offset, offset + length) of the input, content going behind output_end. */
static inline void parsed_fill(struct parsed *parsed, const struct mime_options *options, int input,
			       uint64_t offset, uint64_t length)
{
	struct mime_output *output = mime_output_new(parsed->output);

	mime_output_seek(output, parsed->output_end);
	assert_int_equal(0, mime_parse(options, input, offset, length, output, &parsed->message));
	assert_int_equal(0, mime_output_flush(output));
	parsed->output_end = mime_output_tell(output);
	mime_output_free(output);
}

static inline struct parsed parse_bytes(const void *bytes, size_t length,
					const struct mime_options *options)
{
	struct parsed parsed = {.output = memory_file("", 0)};
	int input = memory_file(bytes, length);

	parsed_fill(&parsed, options, input, 0, length);
	close(input);
	return parsed;
}

static inline struct parsed parse_with(const char *text, const struct mime_options *options)
{
	return parse_bytes(text, strlen(text), options);
}

static inline struct parsed parse(const char *text)
{
	struct mime_options options = mime_options_default();

	return parse_with(text, &options);
}

static inline void parsed_clear(struct parsed *parsed)
{
	mime_message_free(parsed->message);
	close(parsed->output);
}

/* A content as a string; "(none)" where there is none. Caller frees. */
static inline char *content_text(const struct parsed *parsed, const struct mime_content *content)
{
	if (!content->present)
		return g_strdup("(none)");
	assert_true(content->offset + content->size <= parsed->output_end);
	char *text = g_malloc0(content->size + 1);
	assert_int_equal((ssize_t)content->size,
			 pread(parsed->output, text, content->size, (off_t)content->offset));
	return text;
}

static inline void assert_content(const struct parsed *parsed, const struct mime_content *content,
				  const char *expected)
{
	g_autofree char *text = content_text(parsed, content);

	assert_string_equal(text, expected);
}

static inline void assert_text(const struct parsed *parsed, const char *expected)
{
	assert_content(parsed, &parsed->message->text_body, expected);
}

static inline void assert_html(const struct parsed *parsed, const char *expected)
{
	assert_content(parsed, &parsed->message->html_body, expected);
}

static inline void assert_attachment(const struct parsed *parsed, size_t i, const char *file_name,
				     const char *content_type, const char *expected)
{
	assert_true(i < parsed->message->attachment_count);
	const struct mime_attachment *attachment = &parsed->message->attachments[i];

	assert_string_equal(attachment->file_name, file_name);
	assert_string_equal(attachment->content_type, content_type);
	assert_content(parsed, &attachment->content, expected);
}

static inline void assert_defect(const struct parsed *parsed, const char *expected)
{
	if (!strstr(parsed->message->defects, expected))
		fail_msg("'%s' not in %s", expected, parsed->message->defects);
}

/* A header that has no defect, for messages whose point lies elsewhere. */
#define HEADER "From: Ann <ann@example.com>\r\nDate: Mon, 3 Mar 2025 08:00:00 +0000\r\n"

#endif
