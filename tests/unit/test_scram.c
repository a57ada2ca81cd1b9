/* SCRAM, with the examples of RFC 5802, 5, and RFC 7677, 3. */
#include "loader/imap/session/scram.h"
#include "queue/base/scoped.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct example {
	const char *mechanism;
	const char *nonce;
	const char *first;
	const char *server_first;
	const char *final;
	const char *server_final;
};

static const struct example examples[] = {
    {"SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    {"SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

static void test_exchanges_of_the_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
		const struct example *example = &examples[i];
		scoped(scram_free) struct scram *scram =
		    scram_new(example->mechanism, NULL, "user", "pencil", example->nonce);
		g_autofree char *first = scram_first(scram);
		g_autofree char *final = NULL;
		struct error err;

		assert_string_equal(example->first, first);
		assert_int_equal(0, scram_answer(scram, example->server_first, &final, &err));
		assert_string_equal(example->final, final);
		assert_int_equal(0, scram_check(scram, example->server_final, &err));
	}
}

static void test_the_others_proof_is_none(void **state)
{
	const struct example *example = &examples[1];
	scoped(scram_free) struct scram *scram =
	    scram_new(example->mechanism, NULL, "user", "pencil", example->nonce);
	g_autofree char *final = NULL;
	struct error err;

	(void)state;
	assert_int_equal(0, scram_answer(scram, example->server_first, &final, &err));
	assert_int_equal(-1, scram_check(scram, examples[0].server_final, &err));
	assert_int_equal(ERROR_CREDENTIALS, err.kind);
}

static void test_a_name_cannot_add_attributes(void **state)
{
	scoped(scram_free) struct scram *scram =
	    scram_new("SCRAM-SHA-1", NULL, "a=b,r=other", "pencil", "nonce");
	g_autofree char *first = scram_first(scram);

	(void)state;
	assert_string_equal("n,,n=a=3Db=2Cr=3Dother,r=nonce", first);
}

static void test_mechanisms(void **state)
{
	(void)state;
	assert_true(scram_knows("SCRAM-SHA-1"));
	assert_true(scram_knows("SCRAM-SHA-256"));
	assert_false(scram_knows("SCRAM-SHA-256-PLUS"));
	assert_false(scram_knows("PLAIN"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exchanges_of_the_rfcs),
	    cmocka_unit_test(test_the_others_proof_is_none),
	    cmocka_unit_test(test_a_name_cannot_add_attributes),
	    cmocka_unit_test(test_mechanisms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
