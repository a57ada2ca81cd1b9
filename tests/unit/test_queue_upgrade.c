/* From an older schema to the current one: what is made of a database, what is kept of it, and what
 * becomes of those that have it open. */
#include "place_fixture.h"
#include "queue_fixture.h"

static const char *const no_upgrade[] = {NULL};
static const char *const one_upgrade[] = {"ALTER TABLE t ADD COLUMN b TEXT", NULL};
static const char *const broken_upgrade[] = {"ALTER TABLE t ADD COLUMN b TEXT",
					     "CREATE TABLE t (a)", NULL};
/* A table that is made anew takes no rows of others with it. */
static const char *const rebuilding_upgrade[] = {"CREATE TABLE n (a TEXT PRIMARY KEY, b TEXT);"
						 "INSERT INTO n (a) SELECT a FROM t;"
						 "DROP TABLE t;"
						 "ALTER TABLE n RENAME TO t",
						 NULL};

#define FIRST                                                                                      \
	"CREATE TABLE t (a TEXT PRIMARY KEY);"                                                     \
	"CREATE TABLE child (a TEXT REFERENCES t (a) ON DELETE CASCADE);"                          \
	"INSERT INTO t VALUES ('old'); INSERT INTO child VALUES ('old')"

static const struct store_schema first_schema = {FIRST, no_upgrade};
static const struct store_schema second_schema = {"CREATE TABLE t (a TEXT, b TEXT)", one_upgrade};
static const struct store_schema broken_schema = {"CREATE TABLE t (a)", broken_upgrade};
static const struct store_schema rebuilt_schema = {"CREATE TABLE t (a)", rebuilding_upgrade};

static const struct store_options plain = {.patience_ms = STORE_PATIENCE_MS};

static int open_with(struct fixture *f, enum store_mode mode, const struct store_schema *schema,
		     const struct store_options *options)
{
	store_close(f->store);
	f->store = NULL;
	return store_open_schema(f->path, mode, schema, options, &f->store, &f->err);
}

static void make_first(struct fixture *f)
{
	assert_ok(open_with(f, STORE_CREATE, &first_schema, &plain), &f->err);
	store_close(f->store);
	f->store = NULL;
}

static char *beside(const struct fixture *f, const char *suffix)
{
	return g_strconcat(f->path, suffix, NULL);
}

static bool exists(const struct fixture *f, const char *suffix)
{
	g_autofree char *path = beside(f, suffix);
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void assert_is_first(const char *path)
{
	struct store *store;
	struct error err;
	assert_ok(store_open_schema(path, STORE_READ, &first_schema, &plain, &store, &err), &err);
	assert_int_equal(1, ask_number(store, "SELECT count(*) FROM t WHERE a = 'old'"));
	assert_int_equal(0, ask_number(store, "SELECT count(*) FROM pragma_table_info('t')"
					      " WHERE name = 'b'"));
	g_autofree char *check = ask_text(store, "PRAGMA integrity_check");
	assert_string_equal("ok", check);
	store_close(store);
}

/* What was reported, once. */
struct reported {
	int count;
	int64_t from, to;
	char *copy;
	char *no_room;
};

static void take_report(const struct store_upgraded *upgraded, void *context)
{
	struct reported *reported = context;
	reported->count++;
	reported->from = upgraded->from;
	reported->to = upgraded->to;
	g_free(reported->copy);
	g_free(reported->no_room);
	reported->copy = g_strdup(upgraded->copy);
	reported->no_room = g_strdup(upgraded->no_room);
}

static void reported_clear(struct reported *reported)
{
	g_free(reported->copy);
	g_free(reported->no_room);
}
#define scoped_reported __attribute__((cleanup(reported_clear))) struct reported

static struct store_options telling(struct reported *reported)
{
	return (struct store_options){
	    .patience_ms = STORE_PATIENCE_MS, .upgraded = take_report, .context = reported};
}

/* ---- who upgrades ---- */

static void test_whoever_opens_it_brings_it_up_to_date(void **state)
{
	struct fixture *f = *state;
	static const enum store_mode modes[] = {STORE_READ, STORE_WRITE, STORE_CREATE};
	for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
		make_first(f);
		assert_ok(open_with(f, modes[i], &second_schema, &plain), &f->err);
		assert_int_equal(2, ask_number(f->store, "PRAGMA user_version"));
		assert_int_equal(1, ask_number(f->store, "PRAGMA foreign_keys"));
		assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM t WHERE b IS NULL"));
		assert_error(open_with(f, STORE_WRITE, &first_schema, &plain), &f->err,
			     REASON_NEWER, "newer");
		assert_int_equal(0, g_unlink(f->path));
	}
}

static void test_a_table_that_is_made_anew_keeps_the_rows_of_others(void **state)
{
	struct fixture *f = *state;
	make_first(f);
	assert_ok(open_with(f, STORE_WRITE, &rebuilt_schema, &plain), &f->err);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM child"));
}

static int read_older(struct fixture *f)
{
	const int result = open_with(f, STORE_READ, &second_schema, &plain);
	return result == -1 && f->err.reason == REASON_READ_ONLY &&
		       strstr(f->err.text, "older inqueue (schema 1, this one has 2)") != NULL
		   ? 0
		   : 1;
}

static void test_who_may_only_read_is_told_who_upgrades(void **state)
{
	struct fixture *f = *state;
	make_first(f);
	assert_int_equal(0, chmod(f->folder, 0755));
	assert_int_equal(0, chmod(f->path, 0444));
	make_log_readable(f);
	assert_int_equal(0, as_ordinary_user(f, read_older));
}

static void test_a_step_that_fails_leaves_the_old_version(void **state)
{
	struct fixture *f = *state;
	make_first(f);
	assert_error(open_with(f, STORE_WRITE, &broken_schema, &plain), &f->err, REASON_SOFTWARE,
		     "table t already exists (bringing it from schema 2 to 3; it is as it was)");
	assert_is_first(f->path);
	assert_false(exists(f, ".before-schema-3"));
}

/* ---- the copy ---- */

static void test_a_copy_is_kept_for_the_owner_alone(void **state)
{
	struct fixture *f = *state;
	scoped_reported reported = {0};
	const struct store_options options = telling(&reported);
	make_first(f);
	assert_ok(open_with(f, STORE_WRITE, &second_schema, &options), &f->err);
	assert_int_equal(1, reported.count);
	assert_int_equal(1, reported.from);
	assert_int_equal(2, reported.to);
	assert_null(reported.no_room);
	g_autofree char *expected = beside(f, ".before-schema-2");
	assert_string_equal(expected, reported.copy);
	struct stat status;
	assert_int_equal(0, stat(expected, &status));
	assert_int_equal(0600, status.st_mode & 07777);
	assert_is_first(expected);
	assert_ok(open_with(f, STORE_WRITE, &second_schema, &options), &f->err);
	assert_int_equal(1, reported.count);
}

static void test_an_earlier_copy_stays(void **state)
{
	struct fixture *f = *state;
	scoped_reported reported = {0};
	const struct store_options options = telling(&reported);
	g_autofree char *earlier = beside(f, ".before-schema-2");
	g_autofree char *text = NULL;
	assert_true(g_file_set_contents(earlier, "earlier", -1, NULL));
	make_first(f);
	assert_ok(open_with(f, STORE_READ, &second_schema, &options), &f->err);
	assert_true(g_str_has_suffix(reported.copy, ".before-schema-2.2"));
	assert_is_first(reported.copy);
	assert_true(g_file_get_contents(earlier, &text, NULL, NULL));
	assert_string_equal("earlier", text);
}

static void test_what_a_killed_copy_has_left_is_replaced(void **state)
{
	struct fixture *f = *state;
	g_autofree char *left = beside(f, ".before-schema-2.unfinished");
	g_autofree char *copy = beside(f, ".before-schema-2");
	assert_true(g_file_set_contents(left, "SQLite form", -1, NULL));
	make_first(f);
	assert_ok(open_with(f, STORE_WRITE, &second_schema, &plain), &f->err);
	assert_false(exists(f, ".before-schema-2.unfinished"));
	assert_is_first(copy);
}

static void test_no_copy_where_none_is_wanted(void **state)
{
	struct fixture *f = *state;
	scoped_reported reported = {0};
	struct store_options options = telling(&reported);
	options.no_copy = true;
	g_autofree char *left = beside(f, ".before-schema-2.unfinished");
	assert_true(g_file_set_contents(left, "SQLite form", -1, NULL));
	make_first(f);
	assert_ok(open_with(f, STORE_WRITE, &second_schema, &options), &f->err);
	assert_int_equal(1, reported.count);
	assert_null(reported.copy);
	assert_null(reported.no_room);
	assert_false(exists(f, ".before-schema-2"));
	assert_false(exists(f, ".before-schema-2.unfinished"));
}

static int upgrade_without_room(struct fixture *f)
{
	scoped_reported reported = {0};
	const struct store_options options = telling(&reported);
	/* Room for the step, and not for as much again as the database has. */
	if (open_with(f, STORE_CREATE, &first_schema, &plain) != 0 ||
	    engine_execute(f->store->engine,
			   "CREATE TABLE ballast AS SELECT zeroblob(600000) AS bytes",
			   &f->err) != 0)
		return 1;
	if (open_with(f, STORE_WRITE, &second_schema, &options) != 0)
		return 2;
	if (reported.count != 1 || reported.copy != NULL || reported.no_room == NULL ||
	    strstr(reported.no_room, "No space left") == NULL)
		return 3;
	return exists(f, ".before-schema-2") || exists(f, ".before-schema-2.unfinished") ? 4 : 0;
}

static void test_no_copy_where_there_is_no_room(void **state)
{
	assert_int_equal(0, with_mount(*state, "size=1m", upgrade_without_room));
}

/* ---- those that have it open ---- */

static void test_who_has_it_open_is_refused_from_then_on(void **state)
{
	struct fixture *f = *state;
	struct store *newer;
	assert_ok(open_with(f, STORE_CREATE, &first_schema, &plain), &f->err);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM t"));
	assert_ok(store_open_schema(f->path, STORE_WRITE, &second_schema, &plain, &newer, &f->err),
		  &f->err);
	assert_error(
	    store_begin(f->store, &f->err), &f->err, REASON_NEWER,
	    "newer inqueue (schema 2, this one knows 1): install that version, and restart");
	assert_false(engine_in_transaction(f->store->engine));
	assert_error(store_begin_look(f->store, &f->err), &f->err, REASON_NEWER, "newer");
	static const char *const reads[] = {"SELECT count(*) FROM t", "SELECT nothing FROM t"};
	for (size_t i = 0; i < G_N_ELEMENTS(reads); i++) {
		scoped_statement *read = engine_prepare(f->store->engine, reads[i]);
		assert_error(statement_step(read, &f->err), &f->err, REASON_NEWER, "newer");
	}
	store_close(newer);
}

static void test_two_who_upgrade_at_once_do_it_once(void **state)
{
	struct fixture *f = *state;
	make_first(f);
	pid_t children[4];
	for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			scoped_reported reported = {0};
			const struct store_options options = telling(&reported);
			if (open_with(f, STORE_WRITE, &second_schema, &options) != 0)
				_exit(99);
			_exit(reported.count);
		}
	}
	int upgrades = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(children); i++)
		upgrades += wait_for(children[i]);
	assert_int_equal(1, upgrades);
	assert_true(exists(f, ".before-schema-2"));
	assert_false(exists(f, ".before-schema-2.2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_whoever_opens_it_brings_it_up_to_date),
	    TEST(test_a_table_that_is_made_anew_keeps_the_rows_of_others),
	    TEST(test_who_may_only_read_is_told_who_upgrades),
	    TEST(test_a_step_that_fails_leaves_the_old_version),
	    TEST(test_a_copy_is_kept_for_the_owner_alone),
	    TEST(test_an_earlier_copy_stays),
	    TEST(test_what_a_killed_copy_has_left_is_replaced),
	    TEST(test_no_copy_where_none_is_wanted),
	    TEST(test_no_copy_where_there_is_no_room),
	    TEST(test_who_has_it_open_is_refused_from_then_on),
	    TEST(test_two_who_upgrade_at_once_do_it_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
