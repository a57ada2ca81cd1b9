/* Threads: which mails belong together, whatever the order in which they come. */
#include "queue_fixture.h"

#include "queue/entry_operate.h"

struct mail {
	const char *own;
	const char *in_reply_to;
	const char *references;
	const char *sender;
	const char *parent; /* by message id; NULL: there is none */
	int thread;	    /* mails of one number belong together */
};

/* The subjects of all are equal, and count for nothing. */
static const struct mail mails[] = {
    /* A plain exchange. */
    {"<a1@example.com>", NULL, NULL, "ann@example.com", NULL, 1},
    {"<a2@example.com>", "<a1@example.com>", "<a1@example.com>", "bob@example.com",
     "<a1@example.com>", 1},
    {"<a3@example.com>", "<a2@example.com>", "<a1@example.com> <a2@example.com>", "ann@example.com",
     "<a2@example.com>", 1},
    /* Two answers to a mail that is not there. */
    {"<b2@example.com>", "<b1@example.com>", NULL, "ann@example.com", NULL, 2},
    {"<b3@example.com>", "<b1@example.com>", NULL, "bob@example.com", NULL, 2},
    /* The parent is not there; the one before it is. */
    {"<c1@example.com>", NULL, NULL, "ann@example.com", NULL, 3},
    {"<c2@example.com>", "<c1@example.com>", "<c1@example.com>", "bob@example.com",
     "<c1@example.com>", 3},
    {"<c4@example.com>", "<c3@example.com>", "<c1@example.com> <c2@example.com> <c3@example.com>",
     "ann@example.com", "<c2@example.com>", 3},
    /* In-Reply-To alone, References alone; both in odd forms. */
    {"<d1@example.com>", NULL, NULL, "ann@example.com", NULL, 4},
    {"<d2@example.com>", "Your message of today <d1@example.com>", NULL, "bob@example.com",
     "<d1@example.com>", 4},
    {"<d3@example.com>", NULL, "<d1@example.com><d2@example.com>", "eve@example.com",
     "<d2@example.com>", 4},
    /* What joins nothing: no id, an empty one, a bare address, itself. */
    {"<e1@example.com>", "<>", "<>", "ann@example.com", NULL, 5},
    {"<e2@example.com>", "ann@example.com", NULL, "ann@example.com", NULL, 6},
    {"ann@example.com", "<>", NULL, "ann@example.com", NULL, 7},
    {"<e4@example.com>", "<e4@example.com>", NULL, "ann@example.com", NULL, 8},
    {NULL, NULL, NULL, "ann@example.com", NULL, 9},
    /* A mail joins two threads, and a third one that hangs on neither of its ends stays. */
    {"<f1@example.com>", NULL, NULL, "ann@example.com", NULL, 10},
    {"<g1@example.com>", NULL, NULL, "ann@example.com", NULL, 10},
    {"<h1@example.com>", NULL, NULL, "ann@example.com", NULL, 11},
    {"<f2@example.com>", "<g1@example.com>", "<f1@example.com> <h1@example.com> <g1@example.com>",
     "mallory@example.com", "<g1@example.com>", 10},
    /* Two mails with one id. */
    {"<i1@example.com>", NULL, NULL, "ann@example.com", NULL, 12},
    {"<i1@example.com>", NULL, NULL, "ann@example.com", NULL, 12},
    {"<i2@example.com>", "<i1@example.com>", NULL, "bob@example.com", "<i1@example.com>", 12},
};

static int64_t ask(struct fixture *f, const char *column, int64_t id)
{
	g_autofree char *sql =
	    g_strdup_printf("SELECT %s FROM entry WHERE id = %" G_GINT64_FORMAT, column, id);
	return ask_number(f->store, sql);
}

/* Whose tags a rule reads before the mail is stored is whom the thread has for its parent then: each entry is tagged
 * with its own id. */
static void check_parent(struct fixture *f, int64_t id, char **tags)
{
	const int64_t parent = ask(f, "coalesce(parent_id, 0)", id);
	g_autofree char *own = g_strdup_printf("%" G_GINT64_FORMAT, id);
	g_autofree char *expected = g_strdup_printf("%" G_GINT64_FORMAT, parent);
	bool changed;
	const struct entry_order order = {.operation = ENTRY_TAG, .tag = own};
	assert_ok(entry_operate(f->store, id, &order, NOW_MS, &changed, &f->err), &f->err);
	assert_string_equal(expected, tags != NULL ? tags[0] : "0");
}

static struct entry entry_of(int64_t queue_id, const struct mail *mail)
{
	return (struct entry){
	    .queue_id = queue_id,
	    .state = ENTRY_NEW,
	    .subject = (char *)"Re: Invoice",
	    .sender = (char *)mail->sender,
	    .message_id = (char *)mail->own,
	    .in_reply_to = (char *)mail->in_reply_to,
	    .thread_references = (char *)mail->references,
	};
}

static int64_t put_only(struct fixture *f, const struct entry *entry)
{
	const struct entry_contents contents = {0};
	int64_t id = 0;
	assert_ok(entry_put(f->store, entry, &contents, NOW_MS, &id, &f->err), &f->err);
	return id;
}

static int64_t put_mail(struct fixture *f, int64_t queue_id, const struct mail *mail)
{
	const struct entry entry = entry_of(queue_id, mail);
	g_auto(GStrv) parent = NULL;
	assert_ok(entry_parent_tags(f->store, queue_id, &entry, INT64_MAX, &parent, &f->err),
		  &f->err);
	const int64_t id = put_only(f, &entry);
	check_parent(f, id, parent);
	return id;
}

static void shuffle(size_t *order, size_t count, GRand *random)
{
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = count; i > 1; i--) {
		const size_t other = (size_t)g_rand_int_range(random, 0, (gint32)i);
		const size_t kept = order[i - 1];
		order[i - 1] = order[other];
		order[other] = kept;
	}
}

static void check_thread(struct fixture *f, const int64_t *ids, size_t one)
{
	const int64_t thread = ask(f, "thread_id", ids[one]);
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < G_N_ELEMENTS(mails); i++) {
		assert_int_equal(mails[i].thread == mails[one].thread,
				 ask(f, "thread_id", ids[i]) == thread);
		if (mails[i].thread == mails[one].thread)
			first = MIN(first, ids[i]);
	}
	assert_int_equal(first, thread);
	const int64_t parent = ask(f, "coalesce(parent_id, 0)", ids[one]);
	if (mails[one].parent == NULL) {
		assert_int_equal(0, parent);
		return;
	}
	g_autofree char *sql =
	    g_strdup_printf("SELECT message_id FROM entry WHERE id = %" G_GINT64_FORMAT, parent);
	g_autofree char *id = ask_text(f->store, sql);
	assert_string_equal(mails[one].parent, id != NULL ? id : "(none)");
}

/* Each order in a queue of its own: mail of another queue joins nothing. */
static void test_any_order_gives_the_same_threads(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	for (int round = 0; round < 100; round++) {
		size_t order[G_N_ELEMENTS(mails)];
		int64_t ids[G_N_ELEMENTS(mails)];
		g_autofree char *name = g_strdup_printf("queue-%d", round);
		const int64_t queue_id = put_queue(f, name);
		shuffle(order, G_N_ELEMENTS(mails), random);
		assert_ok(store_begin(f->store, &f->err), &f->err);
		for (size_t i = 0; i < G_N_ELEMENTS(mails); i++)
			ids[order[i]] = put_mail(f, queue_id, &mails[order[i]]);
		assert_ok(store_commit(f->store, &f->err), &f->err);
		for (size_t i = 0; i < G_N_ELEMENTS(mails); i++)
			check_thread(f, ids, i);
	}
}

static int64_t count_threads(struct fixture *f, int64_t queue_id)
{
	g_autofree char *sql = g_strdup_printf(
	    "SELECT count(DISTINCT thread_id) FROM entry WHERE queue_id = %" G_GINT64_FORMAT,
	    queue_id);
	return ask_number(f->store, sql);
}

/* A program that gives each mail the same id, and answers to it; three orders. */
static void test_an_id_that_many_mails_have_joins_nothing(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GRand) random = g_rand_new_with_seed(2);
	enum { OWNERS = 101, ANSWERS = 3, ALL = OWNERS + ANSWERS };
	for (int round = 0; round < 3; round++) {
		size_t order[ALL];
		g_autofree char *name = g_strdup_printf("queue-%d", round);
		const int64_t queue_id = put_queue(f, name);
		shuffle(order, ALL, random);
		assert_ok(store_begin(f->store, &f->err), &f->err);
		for (size_t i = 0; i < ALL; i++) {
			g_autofree char *own = g_strdup_printf("<r%zu@example.com>", order[i]);
			const bool answers = order[i] >= OWNERS;
			const struct mail mail = {.own = answers ? own : "<1@localhost>",
						  .in_reply_to = answers ? "<1@localhost>" : NULL,
						  .sender = "scanner@example.com"};
			put_mail(f, queue_id, &mail);
		}
		assert_ok(store_commit(f->store, &f->err), &f->err);
		assert_int_equal(ALL, count_threads(f, queue_id));
	}
}

/* Two that hang together by another id stay so. */
static void test_a_thread_falls_apart_with_the_mail_that_is_too_many(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	const struct mail copy = {.own = "<1@localhost>"};
	const struct mail answer = {.own = "<2@example.com>", .in_reply_to = "<1@localhost>"};
	const struct mail next = {.own = "<3@example.com>", .in_reply_to = "<2@example.com>"};
	assert_ok(store_begin(f->store, &f->err), &f->err);
	put_mail(f, queue_id, &answer);
	put_mail(f, queue_id, &next);
	for (int i = 0; i < 100; i++)
		put_mail(f, queue_id, &copy);
	assert_int_equal(1, count_threads(f, queue_id));
	put_mail(f, queue_id, &copy);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	assert_int_equal(102, count_threads(f, queue_id));
	assert_int_equal(ask(f, "thread_id", 1), ask(f, "thread_id", 2));
	assert_int_equal(1, ask(f, "parent_id", 2));
	assert_int_equal(0, ask(f, "coalesce(parent_id, 0)", 1));
}

/* Each answers the one before it, and names the first. */
static void test_a_long_thread_is_one(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	enum { MAILS = 3000 };
	assert_ok(store_begin(f->store, &f->err), &f->err);
	for (int i = 0; i < MAILS; i++) {
		g_autofree char *own = g_strdup_printf("<%d@example.com>", i);
		g_autofree char *before = g_strdup_printf("<%d@example.com>", i - 1);
		const struct mail mail = {.own = own,
					  .in_reply_to = i > 0 ? before : NULL,
					  .references = i > 0 ? "<0@example.com>" : NULL};
		const struct entry entry = entry_of(queue_id, &mail);
		put_only(f, &entry);
	}
	assert_ok(store_commit(f->store, &f->err), &f->err);
	assert_int_equal(1, count_threads(f, queue_id));
	assert_int_equal(MAILS - 1, ask_number(f->store, "SELECT count(*) FROM entry"
							 " WHERE parent_id = id - 1"));
}

/* Operators see that a mail has joined what was two threads. */
static void test_the_history_says_that_threads_were_joined(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	static const struct mail two[] = {
	    {.own = "<1@example.com>"},
	    {.own = "<2@example.com>", .in_reply_to = "<1@example.com>"},
	    {.own = "<3@example.com>"},
	    {.own = "<4@example.com>", .in_reply_to = "<3@example.com>"},
	    {.own = "<5@example.com>",
	     .in_reply_to = "<3@example.com>",
	     .references = "<1@example.com>"},
	};
	assert_ok(store_begin(f->store, &f->err), &f->err);
	for (size_t i = 0; i < G_N_ELEMENTS(two); i++)
		put_mail(f, queue_id, &two[i]);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	g_autofree char *why = ask_text(f->store, "SELECT group_concat(entry_id || ': ' || why)"
						  " FROM entry_event WHERE change = 'note'");
	assert_string_equal("5: this mail joins thread 3 to thread 1", why);
	assert_int_equal(5, ask_number(f->store, "SELECT entries FROM thread"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_any_order_gives_the_same_threads, setup_store,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_an_id_that_many_mails_have_joins_nothing,
					    setup_store, teardown),
	    cmocka_unit_test_setup_teardown(
		test_a_thread_falls_apart_with_the_mail_that_is_too_many, setup_store, teardown),
	    cmocka_unit_test_setup_teardown(test_a_long_thread_is_one, setup_store, teardown),
	    cmocka_unit_test_setup_teardown(test_the_history_says_that_threads_were_joined,
					    setup_store, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
