/* What an answer says above the mail it quotes, as mail programs and services write it. */
#include "mime/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

struct row {
	const char *from; /* which program, or which language */
	const char *text;
	const char *reply;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *reply = reply_plain(rows[i].text, strlen(rows[i].text));
		if (strcmp(reply, rows[i].reply) != 0)
			fail_msg("%s: '%s' instead of '%s'", rows[i].from, reply, rows[i].reply);
	}
}

#define QUOTE "\n\n> Please pay.\n"

static void test_attribution_lines(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"Gmail",
	     "Yes.\n\nOn Tue, Mar 3, 2026 at 9:30 AM Ann Lee <ann@example.com> wrote:" QUOTE,
	     "Yes."},
	    {"Gmail, wrapped",
	     "Yes.\n\nOn Tue, Mar 3, 2026 at 9:30 AM Ann Lee with a long name <\n"
	     "ann@example.com> wrote:" QUOTE,
	     "Yes."},
	    {"Apple Mail", "Yes.\n\n> On 3. Mar 2026, at 09:30, Ann <ann@example.com> wrote:\n> Hi",
	     "Yes."},
	    {"Thunderbird", "Yes.\n\nOn 03/03/2026 09:30, Ann Lee wrote:\n> Please pay.\n", "Yes."},
	    {"mutt", "Yes.\n\n* Ann Lee [2026-03-03 09:30]:\n> Please pay.\n",
	     "Yes.\n\n* Ann Lee [2026-03-03 09:30]:"},
	    {"without a quote behind it", "Yes.\n\nOn 3 Mar 2026, Ann wrote:\n\nPlease pay.\n",
	     "Yes."},
	    {"German, Thunderbird", "Ja.\n\nAm 03.03.26 um 09:30 schrieb Ann Lee:" QUOTE, "Ja."},
	    {"German, Gmail",
	     "Ja.\n\nAm Di., 3. März 2026 um 09:30 Uhr schrieb Ann Lee <ann@example.com>:" QUOTE,
	     "Ja."},
	    {"German, Apple",
	     "Ja.\n\nAm 03.03.2026 um 09:30 schrieb Ann <ann@example.com>:\n\nBitte", "Ja."},
	    {"German, name first", "Ja.\n\nAnn Lee <ann@example.com> schrieb am 03.03.2026:" QUOTE,
	     "Ja."},
	    {"French",
	     "Oui.\n\nLe mar. 3 mars 2026 à 09:30, Ann Lee <ann@example.com> a écrit :" QUOTE,
	     "Oui."},
	    {"French, with a no-break space",
	     "Oui.\n\nLe 3 mars 2026 à 09:30, Ann a écrit\u00a0:" QUOTE, "Oui."},
	    {"French, wrapped",
	     "Oui.\n\nLe mardi 3 mars 2026 à 09:30,\nAnn Lee <ann@example.com> a\nécrit :" QUOTE,
	     "Oui."},
	    {"Spanish",
	     "Sí.\n\nEl mar, 3 mar 2026 a las 9:30, Ann (<ann@example.com>) escribió:" QUOTE,
	     "Sí."},
	    {"Italian",
	     "Sì.\n\nIl giorno mar 3 mar 2026 alle ore 09:30 Ann Lee <ann@example.com> ha "
	     "scritto:" QUOTE,
	     "Sì."},
	    {"Portuguese",
	     "Sim.\n\nEm ter., 3 de mar. de 2026 às 09:30, Ann <ann@example.com> escreveu:" QUOTE,
	     "Sim."},
	    {"Dutch", "Ja.\n\nOp di 3 mrt 2026 om 09:30 schreef Ann Lee <ann@example.com>:" QUOTE,
	     "Ja."},
	    {"Swedish",
	     "Ja.\n\nDen tis 3 mars 2026 kl 09:30 skrev Ann Lee <ann@example.com>:" QUOTE, "Ja."},
	    {"Danish", "Ja.\n\nDen tir. 3. mar. 2026 kl. 09.30 skrev Ann <ann@example.com>:" QUOTE,
	     "Ja."},
	    {"Finnish",
	     "Ei.\n\nti 3. maalisk. 2026 klo 9.30 Ann Lee (ann@example.com) kirjoitti:" QUOTE,
	     "Ei."},
	    {"Polish",
	     "Tak.\n\nwt., 3 mar 2026 o 09:30 Ann Lee <ann@example.com> napisał(a):" QUOTE, "Tak."},
	    {"Polish, Thunderbird", "Tak.\n\nW dniu 3.03.2026 o 09:30, Ann Lee pisze:" QUOTE,
	     "Tak."},
	    {"Czech", "Ano.\n\nDne 3. 3. 2026 v 9:30 Ann Lee napsal(a):" QUOTE, "Ano."},
	    {"Russian", "Да.\n\nвт, 3 мар. 2026 г. в 09:30, Ann Lee <ann@example.com>:\n> Текст\n",
	     "Да."},
	    {"Russian, Thunderbird", "Да.\n\n03.03.2026 09:30, Ann Lee пишет:" QUOTE, "Да."},
	    {"Turkish",
	     "Evet.\n\nAnn Lee <ann@example.com>, 3 Mar 2026 Sal, 09:30 tarihinde şunu "
	     "yazdı:" QUOTE,
	     "Evet."},
	    {"Chinese", "好。\n\nAnn Lee <ann@example.com> 于2026年3月3日周二 09:30写道：" QUOTE,
	     "好。"},
	    {"Japanese", "はい。\n\n2026年3月3日(火) 9:30 Ann Lee <ann@example.com>のメール:" QUOTE,
	     "はい。"},
	};
	check(rows, G_N_ELEMENTS(rows));
}

static void test_header_blocks(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"Outlook",
	     "Yes.\n\nFrom: Ann Lee <ann@example.com>\nSent: Tuesday, March 3, 2026 9:30 AM\n"
	     "To: Robot\nSubject: Invoice\n\nPlease pay.\n",
	     "Yes."},
	    {"Outlook with a rule",
	     "Yes.\n\n________________________________\nFrom: Ann\nDate: Tue\nTo: Robot\n"
	     "Subject: Invoice\n\nPlease pay.",
	     "Yes."},
	    {"Outlook from HTML",
	     "Yes.\n\n*From:* Ann Lee\n*Sent:* Tuesday\n*To:* Robot\n\nPlease.\n", "Yes."},
	    {"German",
	     "Ja.\n\nVon: Ann\nGesendet: Dienstag\nAn: Robot\nBetreff: Rechnung\n\nBitte.", "Ja."},
	    {"French", "Oui.\n\nDe : Ann\nEnvoyé : mardi\nÀ : Robot\nObjet : Facture\n\nMerci.",
	     "Oui."},
	    {"Spanish",
	     "Sí.\n\nDe: Ann\nEnviado el: martes\nPara: Robot\nAsunto: Factura\n\nPague.", "Sí."},
	    {"Dutch",
	     "Ja.\n\nVan: Ann\nVerzonden: dinsdag\nAan: Robot\nOnderwerp: Factuur\n\nGraag.",
	     "Ja."},
	    {"Chinese", "好。\n\n发件人: Ann\n发送时间: 2026年3月3日\n收件人: Robot\n主题: 发票\n",
	     "好。"},
	    {"Original Message", "Yes.\n\n-----Original Message-----\nFrom: Ann\n\nPlease pay.\n",
	     "Yes."},
	    {"Ursprüngliche Nachricht", "Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Ann\n",
	     "Ja."},
	    {"Message d'origine", "Oui.\n\n-----Message d'origine-----\nDe : Ann\n", "Oui."},
	    {"Mensaje original", "Sí.\n\n-----Mensaje original-----\nDe: Ann\n", "Sí."},
	};
	check(rows, G_N_ELEMENTS(rows));
}

static void test_quotes_and_markers(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"a bare quote", "Yes.\nOf course.\n\n> Please pay.\n", "Yes.\nOf course."},
	    {"a marker", "Yes.\n\n### Reply Above This Line ###\n\nTicket 5\n", "Yes."},
	    {"a quoted marker", "Yes.\n> ##- Please type your reply above this line -##\n", "Yes."},
	    {"a German marker", "Ja.\n-- Bitte oberhalb dieser Zeile antworten --\nTicket\n",
	     "Ja."},
	    {"a French marker", "Oui.\n## Répondez au-dessus de cette ligne ##\n", "Oui."},
	    {"a Spanish marker", "Sí.\n## Responda por encima de esta línea ##\n", "Sí."},
	    {"a signature stays", "Yes.\n-- \nAnn\n\nOn 3 Mar 2026, Bo wrote:\n> x\n",
	     "Yes.\n-- \nAnn"},
	    {"empty lines around it", "\n\n  \nYes.\n\n\n> x\n", "Yes."},
	};
	check(rows, G_N_ELEMENTS(rows));
}

static void test_no_reply(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"nothing", "", ""},
	    {"no quote", "Please pay.\nBy Monday.\n", ""},
	    {"only a quote", "> Please pay.\n", ""},
	    {"below the quote", "On 3 Mar 2026, Ann wrote:\n> Please pay.\n\nYes.\n", ""},
	    {"forwarded, Gmail",
	     "FYI\n\n---------- Forwarded message ---------\nFrom: Ann\nDate: Tue\nTo: Robot\n",
	     ""},
	    {"forwarded, Apple", "FYI\n\nBegin forwarded message:\n\nFrom: Ann\nDate: x\nTo: y\n",
	     ""},
	    {"forwarded, German",
	     "Zur Info\n\n-------- Weitergeleitete Nachricht --------\nVon: Ann\n", ""},
	    {"a colon in a sentence", "I wrote:\nnothing\n", ""},
	    {"From: in a sentence", "From: me\nwith love\n", ""},
	};
	check(rows, G_N_ELEMENTS(rows));
}

static void test_sentences_are_not_attributions(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"a list of what was written",
	     "On Monday 2 March I was away.\nBob wrote about the 3 things:\n- one\n> Please pay.\n",
	     "On Monday 2 March I was away."},
	    {"the last line is not the attribution's first",
	     "See you at 5\nOn 3 Mar 2026, Ann wrote:\n> x\n", "See you at 5"},
	};
	check(rows, G_N_ELEMENTS(rows));
}

static void test_large_texts_are_quick(void **state)
{
	(void)state;
	g_autoptr(GString) text = g_string_new(NULL);
	while (text->len < 1000000)
		g_string_append(text, "On and on: ");
	g_string_append(text, "\n");
	for (int i = 0; i < 20000; i++)
		g_string_append(text, "From: a\n");
	g_autofree char *reply = reply_plain(text->str, text->len);
	assert_string_equal("", reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_attribution_lines),
	    cmocka_unit_test(test_header_blocks),
	    cmocka_unit_test(test_quotes_and_markers),
	    cmocka_unit_test(test_no_reply),
	    cmocka_unit_test(test_sentences_are_not_attributions),
	    cmocka_unit_test(test_large_texts_are_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
