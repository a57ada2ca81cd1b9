/* What an answer says beside the mail it quotes, as mail programs and services write it. */
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
	    {"Italian, Apple",
	     "Sì.\n\nIl giorno 3 mar 2026, alle ore 09:30, Ann Lee <ann@example.com> ha "
	     "scritto:" QUOTE,
	     "Sì."},
	    {"Italian, Thunderbird", "Sì.\n\nIl 03/03/2026 09:30, Ann Lee ha scritto:" QUOTE,
	     "Sì."},
	    {"Dutch, Apple",
	     "Ja.\n\nOp 3 mrt 2026, om 09:30 heeft Ann Lee <ann@example.com> het volgende "
	     "geschreven:" QUOTE,
	     "Ja."},
	    {"Dutch, Thunderbird", "Ja.\n\nOp 03-03-2026 om 09:30 schreef Ann Lee:" QUOTE, "Ja."},
	    {"Dutch, wrapped",
	     "Ja.\n\nOp di 3 mrt 2026 om 09:30 schreef Ann van der Lee <\nann@example.com>:" QUOTE,
	     "Ja."},
	    {"Italian, wrapped",
	     "Sì.\n\nIl giorno mar 3 mar 2026 alle ore 09:30 Ann Lee <ann@example.com>\nha "
	     "scritto:" QUOTE,
	     "Sì."},
	    {"Portuguese, wrapped",
	     "Sim.\n\nEm ter., 3 de mar. de 2026 às 09:30, Ann Lee <\nann@example.com> "
	     "escreveu:" QUOTE,
	     "Sim."},
	    {"Portuguese of Portugal",
	     "Sim.\n\nAnn Lee <ann@example.com> escreveu (terça, 3/03/2026 à(s) 09:30):" QUOTE,
	     "Sim."},
	    {"Portuguese of Portugal, wrapped",
	     "Sim.\n\nAnn Lee <ann@example.com> escreveu (terça, 3/03/2026\nà(s) 09:30):" QUOTE,
	     "Sim."},
	    {"Portuguese, Thunderbird", "Sim.\n\nÀs 09:30 de 03/03/2026, Ann Lee escreveu:" QUOTE,
	     "Sim."},
	    {"Polish, Apple",
	     "Tak.\n\nWiadomość napisana przez Ann Lee <ann@example.com> w dniu 3 mar 2026, o "
	     "godz. 09:30:" QUOTE,
	     "Tak."},
	    {"Polish, wrapped",
	     "Tak.\n\nwt., 3 mar 2026 o 09:30 Ann Lee <ann@example.com>\nnapisał(a):" QUOTE,
	     "Tak."},
	    {"Swedish, Apple",
	     "Ja.\n\n3 mars 2026 kl. 09:30 skrev Ann Lee <ann@example.com>:" QUOTE, "Ja."},
	    {"Swedish, wrapped",
	     "Ja.\n\nDen tis 3 mars 2026 kl 09:30 skrev Ann Lee <\nann@example.com>:" QUOTE, "Ja."},
	    {"Norwegian",
	     "Ja.\n\ntir. 3. mar. 2026 kl. 09:30 skrev Ann Lee <ann@example.com>:" QUOTE, "Ja."},
	    {"Catalan, Gmail",
	     "Sí.\n\nMissatge de Ann Lee <ann@example.com> del dia dt., 3 de març 2026 a les "
	     "9:30:" QUOTE,
	     "Sí."},
	    {"Catalan, Thunderbird", "Sí.\n\nEl 3/3/26 a les 9:30, Ann Lee va escriure:" QUOTE,
	     "Sí."},
	    {"Bulgarian",
	     "Да.\n\nНа вт, 3.03.2026 г. в 9:30 Ann Lee <ann@example.com> написа:" QUOTE, "Да."},
	    {"Croatian",
	     "Da.\n\nuto, 3. ožu 2026. u 9:30 Ann Lee <ann@example.com> napisao je:" QUOTE, "Da."},
	    {"Slovenian",
	     "Da.\n\nV V tor., 3. mar. 2026 ob 9:30 je oseba Ann Lee <ann@example.com> "
	     "napisala:" QUOTE,
	     "Da."},
	    {"Lithuanian", "Taip.\n\n2026-03-03, an, 09:30 Ann Lee <ann@example.com> rašė:" QUOTE,
	     "Taip."},
	    {"Latvian",
	     "Jā.\n\notrd., 2026. g. 3. marts, plkst. 09:30 — lietotājs Ann Lee "
	     "(<ann@example.com>) rakstīja:" QUOTE,
	     "Jā."},
	    {"Estonian",
	     "Jah.\n\nKontakt Ann Lee (<ann@example.com>) kirjutas kuupäeval T, 3. märts 2026 kell "
	     "09:30:" QUOTE,
	     "Jah."},
	    {"Hebrew, with marks of direction",
	     "כן.\n\n\u202bבתאריך יום ג׳, 3 במרץ 2026 ב-9:30 מאת \u202aAnn Lee\u202c\u200f "
	     "<\u202aann@example.com\u202c\u200f>:\u202c" QUOTE,
	     "כן."},
	    {"Arabic",
	     "نعم.\n\nفي الثلاثاء، 3 مارس 2026 في 9:30 ص تمت كتابة ما يلي بواسطة Ann Lee "
	     "<ann@example.com>:" QUOTE,
	     "نعم."},
	    {"Vietnamese",
	     "Vâng.\n\nVào Th 3, 3 thg 3, 2026 vào lúc 09:30 Ann Lee <ann@example.com> đã "
	     "viết:" QUOTE,
	     "Vâng."},
	    {"Indonesian",
	     "Ya.\n\nPada Sel, 3 Mar 2026 pukul 09.30 Ann Lee <ann@example.com> menulis:" QUOTE,
	     "Ya."},
	    {"Thai", "ได้\n\nเมื่อ อ. 3 มี.ค. 2026 เวลา 09:30 Ann Lee <ann@example.com> เขียนว่า:" QUOTE,
	     "ได้"},
	    {"Korean",
	     "네.\n\n2026년 3월 3일 (화) 오전 9:30, Ann Lee <ann@example.com>님이 작성:" QUOTE,
	     "네."},
	    {"Chinese, traditional",
	     "好。\n\nAnn Lee <ann@example.com> 於 2026年3月3日 週二 上午9:30寫道：" QUOTE, "好。"},
	    {"Japanese, Gmail", "はい。\n\n2026年3月3日(火) 9:30 Ann Lee <ann@example.com>:" QUOTE,
	     "はい。"},
	    {"Yahoo",
	     "Yes.\n\n     On Tuesday, March 3, 2026 at 09:30:00 AM GMT, Ann Lee <ann@example.com> "
	     "wrote:  \n \n Please pay.",
	     "Yes."},
	    {"Yahoo, with a no-break space behind it",
	     "Yes.\n\nOn Tuesday, March 3, 2026 at 09:30:00 AM GMT, Ann Lee <ann@example.com> "
	     "wrote: \u00a0\n \nPlease pay.",
	     "Yes."},
	    {"wrapped behind a dot",
	     "Yes.\n\nOn Tue, Mar 3, 2026 at 9:30 a.m.\nAnn Lee <ann@example.com> wrote:" QUOTE,
	     "Yes."},
	    {"Spanish, wrapped",
	     "Sí.\n\nEl mar, 3 mar 2026 a la(s) 9:30 a. m., Ann Lee "
	     "(ann@example.com)\nescribió:" QUOTE,
	     "Sí."},
	    {"Proton",
	     "Yes.\n\nOn Tuesday, March 3rd, 2026 at 9:30 AM, Ann Lee <ann@example.com> "
	     "wrote:" QUOTE,
	     "Yes."},
	    {"Proton, with a rule",
	     "Yes.\n\n------- Original Message -------\nOn Tuesday, March 3rd, 2026 at 9:30 AM, "
	     "Ann Lee <ann@example.com> wrote:" QUOTE,
	     "Yes."},
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
	    {"GMX, German",
	     "Ja.\n\nGesendet: Dienstag, 03. März 2026 um 09:30 Uhr\nVon: \"Ann Lee\" "
	     "<ann@example.com>\nAn: robot@example.com\nBetreff: Rechnung\n\nBitte",
	     "Ja."},
	    {"GMX",
	     "Yes.\n\nSent: Tuesday, March 03, 2026 at 9:30 AM\nFrom: \"Ann Lee\" "
	     "<ann@example.com>\nTo: robot@example.com\nSubject: Invoice\n\nPlease",
	     "Yes."},
	    {"Hotmail",
	     "Yes.\n\nDate: Tue, 3 Mar 2026\nFrom: ann@example.com\nTo: "
	     "robot@example.com\nSubject: Invoice\n\nPlease",
	     "Yes."},
	    {"Hotmail, subject first",
	     "Yes.\n\nSubject: Invoice\nTo: robot@example.com\nFrom: ann@example.com\nDate: "
	     "Tue\n\nPlease",
	     "Yes."},
	    {"Oryginalna wiadomość", "Tak.\n\n-------- Oryginalna wiadomość --------\nOd: Ann",
	     "Tak."},
	    {"Originalmeddelande", "Ja.\n\n-------- Originalmeddelande --------\nFrån: Ann", "Ja."},
	    {"Oprindelig besked", "Ja.\n\n-------- Oprindelig besked --------\nFra: Ann", "Ja."},
	    {"Eredeti üzenet", "Igen.\n\n-----Eredeti üzenet-----\nFeladó: Ann", "Igen."},
	    {"Mesaj original", "Da.\n\n-----Mesaj original-----\nDe la: Ann", "Da."},
	    {"Message d’origine", "Oui.\n\n-----Message d\u2019origine-----\nDe : Ann", "Oui."},
	    {"QQ", "好\n\n------------------ Original ------------------\nFrom:  Ann", "好"},
	    {"163", "好\n\n---- 回复的原邮件 ----\n发件人", "好"},
	    {"Orijinal İleti", "Evet.\n\n-----Orijinal İleti-----\nKimden: Ann", "Evet."},
	    {"Korean rule", "네.\n\n-----원본 메시지-----\n보낸 사람", "네."},
	    {"Original-Nachricht", "Ja.\n\n-------- Original-Nachricht --------\n> Datum", "Ja."},
	    {"Hungarian",
	     "Igen.\n\nFeladó: Ann\nElküldve: kedd\nCímzett: Robot\nTárgy: Számla\n\nKérem",
	     "Igen."},
	    {"Turkish", "Evet.\n\nKimden: Ann\nGönderildi: Salı\nKime: Robot\nKonu: Fatura\n\nL",
	     "Evet."},
	    {"Romanian", "Da.\n\nDe la: Ann\nTrimis: marți\nCătre: Robot\nSubiect: F\n\nL", "Da."},
	    {"Slovak", "Áno.\n\nOd: Ann\nOdoslané: utorok\nKomu: Robot\nPredmet: F\n\nL", "Áno."},
	    {"Greek", "Ναι.\n\nΑπό: Ann\nΣτάλθηκε: Τρίτη\nΠρος: Robot\nΘέμα: Τ\n\nL", "Ναι."},
	    {"Ukrainian", "Так.\n\nВід: Ann\nНадіслано: в\nКому: Robot\nТема: Р\n\nL", "Так."},
	    {"Korean", "네.\n\n보낸 사람: Ann\n보낸 날짜: 화\n받는 사람: Robot\n제목: L\n\nL",
	     "네."},
	    {"Italian", "Sì.\n\nDa: Ann\nInviato: mar\nA: Robot\nOggetto: F\n\nL", "Sì."},
	    {"Portuguese", "Sim.\n\nDe: Ann\nEnviada em: ter\nPara: Robot\nAssunto: F\n\nL",
	     "Sim."},
	    {"Swedish", "Ja.\n\nFrån: Ann\nSkickat: den\nTill: Robot\nÄmne: F\n\nL", "Ja."},
	    {"Danish", "Ja.\n\nFra: Ann\nSendt: den\nTil: Robot\nEmne: F\n\nL", "Ja."},
	    {"Polish", "Tak.\n\nOd: Ann\nWysłano: wt\nDo: Robot\nTemat: F\n\nL", "Tak."},
	    {"Outlook for Mac",
	     "Yes.\n\nFrom: Ann Lee <ann@example.com>\nDate: Tuesday, 3 March 2026 at 09:30\nTo: "
	     "Robot <robot@example.com>\nSubject: Invoice\n\nL",
	     "Yes."},
	    {"blank lines of other blanks",
	     "Yes.\n\u00a0\n\u200b\nFrom: Ann\nDate: Tue\nTo: Robot\n", "Yes."},
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
	    {"a French one, other words",
	     "Oui.\n##- Veuillez saisir votre réponse au-dessus de cette ligne -##\nx", "Oui."},
	    {"a German one, other words",
	     "Ja.\n##- Bitte geben Sie Ihre Antwort oberhalb dieser Zeile ein -##\nx", "Ja."},
	    {"an Italian one", "Sì.\n##- Digita la tua risposta sopra questa riga -##\nx", "Sì."},
	    {"a Portuguese one", "Sim.\n##- Digite sua resposta acima desta linha -##\nx", "Sim."},
	    {"a Dutch one", "Ja.\n##- Typ uw antwoord boven deze regel -##\nx", "Ja."},
	    {"a Polish one", "Tak.\n##- Wpisz swoją odpowiedź powyżej tej linii -##\nx", "Tak."},
	    {"a Swedish one", "Ja.\n##- Skriv ditt svar ovanför denna rad -##\nx", "Ja."},
	};
	check(rows, G_N_ELEMENTS(rows));
}

static void test_answers_between_quoted_lines(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"a question, an answer",
	     "Hi,\n\n> Do you want 5 or 10?\n10 please.\n> Deliver on Monday?\nNo, on Tuesday.\n\n"
	     "Ann\n",
	     "Hi,\n\n10 please.\nNo, on Tuesday.\n\nAnn"},
	    {"with an attribution",
	     "Hi,\n\nOn 3 Mar 2026, Bo wrote:\n> 5 or 10?\n\n10 please.\n\n> Monday?\n\nTuesday.\n",
	     "Hi,\n\n10 please.\n\nTuesday."},
	    {"below the quote", "On 3 Mar 2026, Ann wrote:\n> Please pay.\n\nYes.\n", "Yes."},
	    {"above and below", "Yes.\n\nAm 03.03.26 um 09:30 schrieb Ann:\n> x\n\nGruß\nBo\n",
	     "Yes.\n\nGruß\nBo"},
	    {"two who are quoted",
	     "On 3 Mar 2026, Ann wrote:\n> x\n\nOn 2 Mar 2026, Bo wrote:\n> y\n\nYes to both.\n",
	     "Yes to both."},
	    {"a signature below is no answer",
	     "Yes.\n\nOn 3 Mar 2026, Ann wrote:\n> x\n\n-- \nBo\n+49 30 1234\n", "Yes."},
	    {"nor is a list's footer",
	     "Yes.\n\nOn 3 Mar 2026, Ann wrote:\n> x\n_________\nlist@example.com\n", "Yes."},
	    {"a quoted line that was wrapped",
	     "Yes.\n\nOn 3 Mar 2026, Ann wrote:\n> We would like to know whether the second "
	     "delivery "
	     "of this month\nhas been paid\n> already.\n",
	     "Yes."},
	    {"an answer to a long line",
	     "Hi,\n> We would like to know whether the second delivery of this month has been "
	     "paid\n"
	     "No, it has not.\n",
	     "Hi,\nNo, it has not."},
	    {"an older mail below, without marks",
	     "Hi,\n> 5 or 10?\n10.\n\n-----Original Message-----\nFrom: Bo\nold text\n",
	     "Hi,\n10."},
	    {"nothing tells answers from a quote without marks",
	     "See below.\n\nOn 3 Mar 2026, Ann wrote:\n\n5 or 10?\n10.\n", "See below."},
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
	    {"forwarded, Gmail",
	     "FYI\n\n---------- Forwarded message ---------\nFrom: Ann\nDate: Tue\nTo: Robot\n",
	     ""},
	    {"forwarded, Apple", "FYI\n\nBegin forwarded message:\n\nFrom: Ann\nDate: x\nTo: y\n",
	     ""},
	    {"forwarded, German",
	     "Zur Info\n\n-------- Weitergeleitete Nachricht --------\nVon: Ann\n", ""},
	    {"a colon in a sentence", "I wrote:\nnothing\n", ""},
	    {"From: in a sentence", "From: me\nwith love\n", ""},
	    {"forwarded, Polish",
	     "FYI\n\n---------- Przekazana wiadomość ---------\nOd: Ann\nData: x\nDo: y\nTemat: z",
	     ""},
	    {"forwarded, Swedish",
	     "FYI\n\n---------- Vidarebefordrat meddelande ---------\nFrån: Ann\nDatum: x\nTill: y",
	     ""},
	    {"forwarded, Danish", "FYI\n\n-------- Videresendt meddelelse --------\nFra: Ann", ""},
	    {"forwarded, Apple in Portuguese",
	     "FYI\n\nInício da mensagem reencaminhada:\n\nDe: Ann\nPara: x\nAssunto: y", ""},
	    {"forwarded, Czech", "FYI\n\n-------- Přeposlaná zpráva --------\nOd: Ann", ""},
	    {"a journey", "Please book.\n\nDate: 3 March\nFrom: Berlin\nTo: Paris\n", ""},
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
	    {"a time at the end of the last line",
	     "On Monday I come at 5 p.m.\nOn 3 Mar 2026, Ann wrote:\n> x\n",
	     "On Monday I come at 5 p.m."},
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
	g_string_assign(text, "");
	while (text->len < 200000)
		g_string_append(text, "> On 3 it\nOn 3 wrote\n");
	g_autofree char *answers = reply_plain(text->str, text->len);
	assert_true(g_str_has_prefix(answers, "On 3 wrote\nOn 3 wrote\n"));
}

/* How GLib folds the character: the blanks and marks of all languages, and its small letter. */
static void append_folded(GString *folded, gunichar c)
{
	const GUnicodeType type = g_unichar_type(c);
	if (c == 0x2019)
		g_string_append_c(folded, '\'');
	else if (type == G_UNICODE_SPACE_SEPARATOR)
		g_string_append_c(folded, ' ');
	else if (c < 0x80 || type != G_UNICODE_FORMAT)
		g_string_append_unichar(folded, g_unichar_tolower(c));
}

/* Each between two letters; twice, because some are remembered. */
static void test_every_character_is_folded(void **state)
{
	(void)state;
	enum { FIRST = 0x20, LAST = 0x1ffff };
	g_autoptr(GString) text = g_string_new(NULL);
	for (gunichar c = FIRST; c <= LAST; c++) {
		if (!g_unichar_validate(c))
			continue;
		g_string_append_c(text, 'A');
		g_string_append_unichar(text, c);
		g_string_append_unichar(text, c);
		g_string_append(text, "Z\n");
	}
	struct lines lines = lines_split(text->str, text->len, NULL, 0);
	size_t index = 0;
	for (gunichar c = FIRST; c <= LAST; c++) {
		if (!g_unichar_validate(c))
			continue;
		g_autoptr(GString) wanted = g_string_new("a");
		append_folded(wanted, c);
		append_folded(wanted, c);
		g_string_append_c(wanted, 'z');
		assert_string_equal(wanted->str, line_at(&lines, index++));
	}
	lines_clear(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_attribution_lines),
	    cmocka_unit_test(test_header_blocks),
	    cmocka_unit_test(test_quotes_and_markers),
	    cmocka_unit_test(test_answers_between_quoted_lines),
	    cmocka_unit_test(test_no_reply),
	    cmocka_unit_test(test_sentences_are_not_attributions),
	    cmocka_unit_test(test_large_texts_are_quick),
	    cmocka_unit_test(test_every_character_is_folded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
