/* How a message comes apart: as its sender meant, and where delimiters are missing or do not match.
 */
#include "mime_fixture.h"

#include "mime/part.h"

struct text {
	struct sink sink;
	GString *bytes;
};

static void text_write(struct sink *sink, const void *bytes, size_t length)
{
	g_string_append_len(((struct text *)sink)->bytes, bytes, (gssize)length);
}

static void shape_add(GString *shape, const struct part *part)
{
	struct text text = {.sink = {text_write}, .bytes = shape};

	g_string_append(shape, part->type);
	if (!part->is_multipart) {
		g_string_append_c(shape, '[');
		input_copy(part->input, part->begin, part->end, &text.sink);
		g_string_append_c(shape, ']');
		return;
	}
	g_string_append_c(shape, '(');
	for (guint i = 0; i < part->children->len; i++) {
		g_string_append(shape, i > 0 ? " " : "");
		shape_add(shape, g_ptr_array_index(part->children, i));
	}
	g_string_append_c(shape, ')');
}

static void assert_shape_with(const struct mime_options *options, const char *raw,
			      const char *expected, const char *expected_defects)
{
	int file = memory_file(raw, strlen(raw));
	struct input *input = input_new(file, 0, strlen(raw));
	struct defects *defects = defects_new();
	struct header_limits limits = {.max_size = 262144, .max_fields = 2000};
	struct header *header = header_read(input, 0, &limits, defects);
	struct mime_output *output = mime_output_new(file);
	struct part_tree *tree = part_tree_read(input, header, options, output, defects);
	g_autoptr(GString) shape = g_string_new(tree->capped ? "capped " : "");

	shape_add(shape, tree->root);
	g_autofree char *list = defects_format(defects);
	assert_string_equal(expected, shape->str);
	assert_string_equal(expected_defects, list);

	part_tree_free(tree);
	mime_output_free(output);
	header_free(header);
	defects_free(defects);
	input_free(input);
	close(file);
}

static void assert_shape(const char *raw, const char *expected, const char *expected_defects)
{
	const struct mime_options options = mime_options_default();

	assert_shape_with(&options, raw, expected, expected_defects);
}

#define MULTIPART(subtype, boundary)                                                               \
	"Content-Type: multipart/" subtype "; boundary=\"" boundary "\"\n\n"

static void test_one_part(void **state)
{
	(void)state;
	assert_shape("Subject: x\n\ntext\n--b\n", "text/plain[text\n--b\n]", "[]");
	assert_shape("Content-Type: text/html\n\n", "text/html[]", "[]");
}

static void test_parts_in_parts(void **state)
{
	(void)state;
	assert_shape(
	    MULTIPART("mixed", "a") "before\n"
				    "--a\n" MULTIPART("alternative",
						      "b") "before\n"
							   "--b\n\nplain\n\n"
							   "--b\nContent-Type: text/html\n\nhtml\n"
							   "--b--\nbehind\n"
							   "--a\nContent-Type: image/gif\n\nGIF\n"
							   "--a--\nbehind\n",
	    "multipart/mixed(multipart/alternative(text/plain[plain\n] text/html[html]) "
	    "image/gif[GIF])",
	    "[]");
}

static void test_a_part_of_no_type(void **state)
{
	(void)state;
	assert_shape(MULTIPART("digest", "a") "--a\n\nSubject: x\n\ny\n--a\n" MULTIPART(
			 "mixed", "b") "--b\n\ntext\n--b--\n--a--\n",
		     "multipart/digest(message/rfc822[Subject: x\n\ny] "
		     "multipart/mixed(text/plain[text]))",
		     "[]");
}

/* RFC 2046, 5.1.2: a delimiter of an outer multipart ends what lies in it. */
static void test_left_open(void **state)
{
	(void)state;
	assert_shape(
	    MULTIPART("mixed", "a") "--a\n" MULTIPART("related", "b") "--b\n\none\n"
								      "--a\n\ntwo\n--a--\n",
	    "multipart/mixed(multipart/related(text/plain[one]) text/plain[two])",
	    "[\"multipart/related has no end; the message may be cut off\"]");
	assert_shape(
	    MULTIPART("mixed", "a") "--a\n" MULTIPART("related", "b") "--b\n\none\n--a--\nbehind\n",
	    "multipart/mixed(multipart/related(text/plain[one]))",
	    "[\"multipart/related has no end; the message may be cut off\"]");
	assert_shape(MULTIPART("mixed", "a") "--a\n\none", "multipart/mixed(text/plain[one])",
		     "[\"multipart/mixed has no end; the message may be cut off\"]");
}

/* Text, as far as it would have reached. */
static void test_multiparts_without_parts(void **state)
{
	(void)state;
	assert_shape(
	    MULTIPART("mixed", "a") "--a\n" MULTIPART("related", "b") "text\n"
								      "--a\n\ntwo\n--a--\n",
	    "multipart/mixed(text/plain[text] text/plain[two])",
	    "[\"multipart/related has no end; the message may be cut off\","
	    "\"multipart/related without parts; taken as text\"]");
	assert_shape(
	    MULTIPART("mixed", "a") "--a\n" MULTIPART("related", "b") "text\n--b--\nmore\n"
								      "--a\n\ntwo\n--a--\n",
	    "multipart/mixed(text/plain[text\n--b--\nmore] text/plain[two])",
	    "[\"multipart/related without parts; taken as text\"]");
	assert_shape(MULTIPART("mixed", "a") "text\n--a--\nmore\n--a\n",
		     "text/plain[text\n--a--\nmore\n--a\n]",
		     "[\"multipart/mixed without parts; taken as text\"]");
}

static void test_delimiters_of_what_has_ended(void **state)
{
	(void)state;
	assert_shape(MULTIPART("mixed", "a") "--a\n" MULTIPART(
			 "related", "b") "--b\n\none\n--b--\n"
					 "--b\n\nlost\n"
					 "--a\n\ntwo\n--b\nthree\n--a--\n"
					 "--a\n\nlost\n",
		     "multipart/mixed(multipart/related(text/plain[one]) "
		     "text/plain[two\n--b\nthree])",
		     "[]");
}

static void test_the_innermost_counts(void **state)
{
	(void)state;
	assert_shape(
	    MULTIPART("mixed", "a") "--a\n" MULTIPART("related", "a") "--a\n\none\n--a--\n"
								      "--a\n\ntwo\n--a--\n",
	    "multipart/mixed(multipart/related(text/plain[one]) text/plain[two])", "[]");
	/* "--a--" ends "a", and separates "a--". */
	assert_shape(MULTIPART("mixed", "a--") "--a--\n" MULTIPART(
			 "related", "a") "--a\n\none\n--a--\n--a--\n\ntwo\n--a----\n",
		     "multipart/mixed(multipart/related(text/plain[one]) text/plain[two])", "[]");
}

static void test_blanks_behind_boundaries(void **state)
{
	(void)state;
	assert_shape(MULTIPART("mixed", "a b ") "--a b\n\none\n--a b \t\n\ntwo\n--a b-- \n",
		     "multipart/mixed(text/plain[one] text/plain[two])", "[]");
	assert_shape(MULTIPART("mixed", " ") "--\n\none\n", "text/plain[--\n\none\n]",
		     "[\"multipart/mixed without a boundary; taken as text\"]");
}

static void test_headers_end_at_delimiters(void **state)
{
	(void)state;
	assert_shape(MULTIPART("mixed", "a") "--a\nContent-Type: image/gif\n"
					     "--a\nContent-Type: image/png\n"
					     "--a\n"
					     "--a\n"
					     "--a--\n",
		     "multipart/mixed(image/gif[] image/png[])", "[]");
	assert_shape(MULTIPART("mixed", "a") "--a\n" MULTIPART(
			 "related", "b") "--b\n"
					 "Content-Type: image/gif\n--a--\n",
		     "multipart/mixed(multipart/related(image/gif[]))",
		     "[\"multipart/related has no end; the message may be cut off\"]");
}

static void test_caps(void **state)
{
	struct mime_options options = mime_options_default();

	(void)state;
	options.max_depth = 1;
	assert_shape_with(&options,
			  MULTIPART("mixed", "a") "--a\n" MULTIPART(
			      "related", "b") "--b\n\none\n--b--\n--a\n\ntwo\n--a--\n",
			  "capped multipart/mixed(text/plain[--b\n\none\n--b--] text/plain[two])",
			  "[\"parts nested deeper than 1; the message is attached whole\"]");
	options = mime_options_default();
	options.max_parts = 2;
	assert_shape_with(&options,
			  MULTIPART("mixed", "a") "--a\n\none\n--a\n\ntwo\n--a\n\nthree\n--a--\n",
			  "capped multipart/mixed(text/plain[one] "
			  "text/plain[two\n--a\n\nthree\n--a--\n])",
			  "[\"more than 2 parts; the message is attached whole\"]");
	options = mime_options_default();
	options.max_boundary = 3;
	assert_shape_with(&options,
			  MULTIPART("mixed", "abc") "--abc\n" MULTIPART(
			      "mixed", "abcd") "--abcd\n\none\n--abcd--\n--abc--\n",
			  "capped multipart/mixed(text/plain[--abcd\n\none\n--abcd--])",
			  "[\"boundary longer than 3 bytes; multipart/mixed taken as text\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_part),
	    cmocka_unit_test(test_parts_in_parts),
	    cmocka_unit_test(test_a_part_of_no_type),
	    cmocka_unit_test(test_left_open),
	    cmocka_unit_test(test_multiparts_without_parts),
	    cmocka_unit_test(test_delimiters_of_what_has_ended),
	    cmocka_unit_test(test_the_innermost_counts),
	    cmocka_unit_test(test_blanks_behind_boundaries),
	    cmocka_unit_test(test_headers_end_at_delimiters),
	    cmocka_unit_test(test_caps),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
