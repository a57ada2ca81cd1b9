/* Bodies made while they are read, their formats, and their signature. */
#include "loader/http/post.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

/* All of it, read in pieces of `room` bytes; as long as it was measured. */
static char *read_all(struct body *body, size_t room)
{
	struct error err;
	uint64_t measured;
	GString *all = g_string_new(NULL);
	g_autofree char *piece = g_malloc(room);
	size_t size = 1;
	assert_int_equal(0, body_measure(body, &measured, &err));
	while (size > 0) {
		assert_int_equal(0, body_read(body, piece, room, &size, &err));
		g_string_append_len(all, piece, (gssize)size);
	}
	assert_int_equal(measured, all->len);
	body_rewind(body);
	return g_string_free(all, FALSE);
}

static void test_a_body_is_the_same_however_it_is_read(void **state)
{
	(void)state;
	struct body *body = body_new();
	const struct body_source source = body_source_of("four");
	body_add_text(body, "one ");
	body_add_format(body, "%s ", "two");
	body_add_source(body, &source, BODY_AS_IS);
	body_add_text(body, " ");
	body_add_source(body, &source, BODY_BASE64);
	body_add_text(body, "");
	static const size_t rooms[] = {1, 2, 3, 7, 100};
	for (size_t i = 0; i < G_N_ELEMENTS(rooms); i++) {
		g_autofree char *text = read_all(body, rooms[i]);
		assert_string_equal("one two four Zm91cg==", text);
	}
	body_free(body);
}

static void test_base64_of_every_length(void **state)
{
	(void)state;
	g_autoptr(GString) bytes = g_string_new(NULL);
	for (size_t length = 0; length < 40000; length += length < 10 ? 1 : 3333) {
		while (bytes->len < length)
			g_string_append_c(bytes, (char)('a' + bytes->len % 26));
		struct body *body = body_new();
		const struct body_source source = body_source_of(bytes->str);
		body_add_source(body, &source, BODY_BASE64);
		g_autofree char *made = read_all(body, 1000);
		g_autofree char *expected = g_base64_encode((const guchar *)bytes->str, bytes->len);
		assert_string_equal(expected, made);
		body_free(body);
	}
}

static void test_json_strings(void **state)
{
	(void)state;
	struct body *body = body_new();
	const struct body_source source = body_source_of("\"a\\b\"\n\t\x01\x7f ü");
	body_add_source(body, &source, BODY_JSON);
	g_autofree char *text = read_all(body, 5);
	assert_string_equal("\\\"a\\\\b\\\"\\n\\u0009\\u0001\\u007f ü", text);
	body_free(body);
}

static void test_lines_that_end_with_crlf(void **state)
{
	(void)state;
	struct body *body = body_new();
	const struct body_source source = body_source_of("one\ntwo\r\n\nü\r");
	body_add_crlf(body, "a\n\nb");
	body_add_source(body, &source, BODY_CRLF);
	body_add_source(body, &source, BODY_CRLF);
	static const size_t rooms[] = {1, 2, 100};
	for (size_t i = 0; i < G_N_ELEMENTS(rooms); i++) {
		g_autofree char *text = read_all(body, rooms[i]);
		assert_string_equal("a\r\n\r\nb"
				    "one\r\ntwo\r\n\r\nü\r"
				    "one\r\ntwo\r\n\r\nü\r",
				    text);
	}
	body_free(body);
}

static int open_fails(void *place, void **ret_stream, struct error *err)
{
	(void)place;
	(void)ret_stream;
	return error_set(err, ERROR_IO, "gone");
}

static void test_an_error_of_a_source_comes_out(void **state)
{
	(void)state;
	struct error err;
	char bytes[10];
	size_t size;
	struct body *body = body_new();
	const struct body_source source = {.size_bytes = 3, .open = open_fails};
	body_add_source(body, &source, BODY_JSON);
	uint64_t measured;
	assert_int_equal(-1, body_measure(body, &measured, &err));
	body_rewind(body);
	assert_int_equal(-1, body_read(body, bytes, sizeof bytes, &size, &err));
	assert_string_equal("gone", err.text);
	body_free(body);
}

static const struct post_header headers[] = {{"Subject", "A \"b\""},
					     {"Received", "one"},
					     {"X-Odd-Name", "x"},
					     {"received", "two"},
					     {"X-\"\\\x01", "y"}};

static struct post plain_post(void)
{
	return (struct post){.headers = headers,
			     .header_count = G_N_ELEMENTS(headers),
			     .to = "robot@example.com",
			     .from = "",
			     .plain = body_source_of("Yes.\n"),
			     .reply_plain = ""};
}

static void test_json_without_html_or_files(void **state)
{
	(void)state;
	const struct post post = plain_post();
	g_autofree char *content_type = NULL;
	struct body *body = post_body(&post, POST_JSON, &content_type);
	g_autofree char *text = read_all(body, 100);
	assert_string_equal("application/json", content_type);
	assert_string_equal(
	    "{\"headers\":{\"subject\":\"A \\\"b\\\"\",\"received\":[\"one\",\"two\"],"
	    "\"x_odd_name\":\"x\",\"x_\\\"\\\\\\u0001\":\"y\"},"
	    "\"envelope\":{\"to\":\"robot@example.com\","
	    "\"recipients\":[\"robot@example.com\"],\"from\":\"\",\"helo_domain\":null,"
	    "\"remote_ip\":null,\"spf\":null,\"tls\":null},\"plain\":\"Yes.\\n\","
	    "\"reply_plain\":\"\",\"attachments\":[]}",
	    text);
	body_free(body);
}

static void test_a_file_name_cannot_end_its_quotes(void **state)
{
	(void)state;
	const struct post_attachment file = {.file_name = "a\"; name=\"x\r\n.txt",
					     .content_type = "text/plain",
					     .content = body_source_of("x")};
	struct post post = plain_post();
	post.attachments = &file;
	post.attachment_count = 1;
	g_autofree char *content_type = NULL;
	struct body *body = post_body(&post, POST_MULTIPART, &content_type);
	g_autofree char *text = read_all(body, 100);
	assert_non_null(strstr(text, "name=\"attachments[]\"; "
				     "filename=\"a%22; name=%22x%0D%0A.txt\"\r\n"
				     "Content-Type: text/plain\r\n\r\nx\r\n"));
	assert_non_null(strstr(text, "name=\"headers[received][1]\"\r\n\r\ntwo\r\n"));
	assert_non_null(strstr(text, "name=\"headers[subject]\"\r\n\r\nA \"b\"\r\n"));
	assert_true(g_str_has_prefix(content_type, "multipart/form-data; boundary="));
	assert_true(
	    g_str_has_prefix(text + 2, content_type + strlen("multipart/form-data; boundary=")));
	body_free(body);
}

/* The example of the specification. */
static void test_the_signature_is_that_of_standard_webhooks(void **state)
{
	(void)state;
	struct error err;
	char signature[SIGNATURE_SIZE];
	struct body *body = body_new();
	body_add_text(body, "{\"test\": 2432232314}");
	struct signature_input input = {.key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
					.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
					.time_s = 1614265330};
	assert_int_equal(0, signature_make(&input, body, signature, &err));
	assert_string_equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", signature);
	assert_int_equal(0, signature_check_key(input.key, &err));
	assert_int_equal(0, signature_check_key("any text", &err));
	input.key = "whsec_no base64!";
	assert_int_equal(-1, signature_check_key(input.key, &err));
	assert_int_equal(-1, signature_make(&input, body, signature, &err));
	assert_int_equal(ERROR_CONFIGURATION, err.kind);
	body_free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_body_is_the_same_however_it_is_read),
	    cmocka_unit_test(test_base64_of_every_length),
	    cmocka_unit_test(test_json_strings),
	    cmocka_unit_test(test_lines_that_end_with_crlf),
	    cmocka_unit_test(test_an_error_of_a_source_comes_out),
	    cmocka_unit_test(test_json_without_html_or_files),
	    cmocka_unit_test(test_a_file_name_cannot_end_its_quotes),
	    cmocka_unit_test(test_the_signature_is_that_of_standard_webhooks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
