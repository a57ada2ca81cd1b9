/* Tokens of programs on other machines: their form, what the database has of them, when one is over. */
#include "queue_fixture.h"

#include "queue/token.h"

static void create(struct fixture *f, const struct token *token, char text[TOKEN_TEXT_SIZE])
{
	assert_ok(token_create(f->store, token, NOW_MS, text, &f->err), &f->err);
}

static struct token plain_token(void)
{
	return (struct token){.name = (char *)"robot-7",
			      .created_by = (char *)"ada",
			      .may = TOKEN_WORK,
			      .expires_at_ms = NOW_MS + 1000};
}

static struct token *find(struct fixture *f, const char *text, int64_t now_ms)
{
	struct token *token = NULL;
	assert_ok(token_find(f->store, text, now_ms, &token, &f->err), &f->err);
	return token;
}

static void test_a_token_has_its_form_and_is_found(void **state)
{
	struct fixture *f = *state;
	struct token given = plain_token();
	char text[TOKEN_TEXT_SIZE];
	char other[TOKEN_TEXT_SIZE];
	given.queue_id = put_queue(f, "invoices");
	create(f, &given, text);
	given.name = (char *)"robot-8";
	create(f, &given, other);
	assert_string_not_equal(text, other);
	assert_true(g_regex_match_simple("^inq_[A-Za-z0-9_-]{43}$", text, 0, 0));
	scoped(token_free) struct token *token = find(f, text, NOW_MS);
	assert_string_equal("robot-7", token->name);
	assert_string_equal("invoices", token->queue_name);
	assert_int_equal(TOKEN_WORK, token->may);
	assert_int_equal(NOW_MS + 1000, token->expires_at_ms);
	assert_int_equal(0, token->last_used_at_ms);
}

static void test_the_database_has_no_token(void **state)
{
	struct fixture *f = *state;
	const struct token given = plain_token();
	char text[TOKEN_TEXT_SIZE];
	create(f, &given, text);
	g_autofree char *sha256 = ask_text(f->store, "SELECT sha256 FROM token");
	g_autofree char *expected = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	assert_string_equal(expected, sha256);
	store_close(f->store);
	f->store = NULL;
	for (const char *suffix = ""; suffix != NULL; suffix = *suffix == '\0' ? "-wal" : NULL) {
		g_autofree char *path = g_strconcat(f->path, suffix, NULL);
		g_autofree char *bytes = NULL;
		gsize size = 0;
		if (g_file_get_contents(path, &bytes, &size, NULL))
			assert_null(memmem(bytes, size, text + 4, TOKEN_TEXT_SIZE - 5));
	}
}

static void test_a_token_ends(void **state)
{
	struct fixture *f = *state;
	const struct token given = plain_token();
	struct token *token;
	char text[TOKEN_TEXT_SIZE];
	char again[TOKEN_TEXT_SIZE];
	bool any;
	assert_ok(token_any(f->store, NOW_MS, &any, &f->err), &f->err);
	assert_false(any);
	create(f, &given, text);
	token_free(find(f, text, NOW_MS + 999));
	assert_ok(token_any(f->store, NOW_MS + 999, &any, &f->err), &f->err);
	assert_true(any);
	assert_error(token_find(f->store, text, NOW_MS + 1000, &token, &f->err), &f->err,
		     REASON_MISSING, "past its time");
	assert_ok(token_any(f->store, NOW_MS + 1000, &any, &f->err), &f->err);
	assert_false(any);
	/* Its name is free then, and not before. */
	assert_error(token_create(f->store, &given, NOW_MS, again, &f->err), &f->err, REASON_EXISTS,
		     "`inqueue token revoke robot-7`");
	assert_ok(token_create(f->store, &given, NOW_MS + 1000, again, &f->err), &f->err);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM token"));
}

static void test_a_revoked_token_is_nobodys(void **state)
{
	struct fixture *f = *state;
	const struct token given = plain_token();
	struct token *token;
	char text[TOKEN_TEXT_SIZE];
	create(f, &given, text);
	assert_ok(token_revoke(f->store, "robot-7", NOW_MS, &f->err), &f->err);
	assert_error(token_find(f->store, text, NOW_MS, &token, &f->err), &f->err, REASON_MISSING,
		     "revoked");
	assert_error(token_revoke(f->store, "robot-7", NOW_MS, &f->err), &f->err, REASON_REFUSED,
		     "revoked already");
	assert_error(token_revoke(f->store, "robot-9", NOW_MS, &f->err), &f->err, REASON_MISSING,
		     "did you mean robot-7?");
	create(f, &given, text);
	token_free(find(f, text, NOW_MS));
}

static void test_what_is_no_token_is_nobodys(void **state)
{
	struct fixture *f = *state;
	const struct token given = plain_token();
	struct token named = plain_token();
	struct token *token;
	char text[TOKEN_TEXT_SIZE];
	create(f, &given, text);
	g_autofree char *longer = g_strconcat(text, "A", NULL);
	const char *const texts[] = {"", "inq_", longer, text + 4};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		assert_error(token_find(f->store, texts[i], NOW_MS, &token, &f->err), &f->err,
			     REASON_MISSING, "unknown");
	named.name = (char *)"a robot";
	assert_error(token_create(f->store, &named, NOW_MS, text, &f->err), &f->err, REASON_INVALID,
		     "cannot be the name of a token");
}

static void test_the_last_use_is_kept(void **state)
{
	struct fixture *f = *state;
	const struct token given = plain_token();
	char text[TOKEN_TEXT_SIZE];
	create(f, &given, text);
	assert_ok(token_note_use(f->store, 1, "192.0.2.7", NOW_MS + 7, &f->err), &f->err);
	scoped(token_free) struct token *token = find(f, text, NOW_MS);
	assert_int_equal(NOW_MS + 7, token->last_used_at_ms);
	assert_string_equal("192.0.2.7", token->last_address);
}

static void test_a_token_goes_with_its_queue(void **state)
{
	struct fixture *f = *state;
	struct token given = plain_token();
	struct token *token;
	char text[TOKEN_TEXT_SIZE];
	given.queue_id = put_queue(f, "invoices");
	create(f, &given, text);
	assert_ok(work_queue_drop(f->store, given.queue_id, false, &f->err), &f->err);
	assert_error(token_find(f->store, text, NOW_MS, &token, &f->err), &f->err, REASON_MISSING,
		     "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_token_has_its_form_and_is_found, setup_store,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_the_database_has_no_token, setup_store, teardown),
	    cmocka_unit_test_setup_teardown(test_a_token_ends, setup_store, teardown),
	    cmocka_unit_test_setup_teardown(test_a_revoked_token_is_nobodys, setup_store, teardown),
	    cmocka_unit_test_setup_teardown(test_what_is_no_token_is_nobodys, setup_store,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_the_last_use_is_kept, setup_store, teardown),
	    cmocka_unit_test_setup_teardown(test_a_token_goes_with_its_queue, setup_store,
					    teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
