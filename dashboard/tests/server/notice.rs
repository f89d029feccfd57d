//! The sign.

use crate::common::binary;

fn sign(lang: &str, site: &str) -> String {
    let arguments =
        ["notice", "--site", site, "--operator", "Ville de Cannes", "--contact", "dpo@cannes.example", "--lang", lang];
    let output = binary().args(arguments).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_sign_says_who_what_and_how_to_object_in_both_languages() {
    let words = [
        ("en", ["Why", "What is counted", "no picture is kept", "Shake your head", "does not replace", "Your rights"]),
        (
            "fr",
            [
                "Pourquoi",
                "Ce qui est compté",
                "aucune image n’est conservée",
                "de la tête",
                "ne remplace pas",
                "Vos droits",
            ],
        ),
    ];
    for (lang, words) in words {
        let html = sign(lang, "Marché Forville");
        assert!(html.starts_with("<!doctype html>") && html.contains(&format!("<html lang=\"{lang}\">")));
        for word in words.iter().chain(&["Marché Forville", "Ville de Cannes", "dpo@cannes.example", "size: A4"]) {
            assert!(html.contains(word), "{lang}: {word}");
        }
        assert!(!html.contains("{{"), "a place was left open");
        // It promises nothing that an authority would have to find.
        for claim in ["compliant", "GDPR", "RGPD", "conforme"] {
            assert!(!html.contains(claim), "{lang}: {claim}");
        }
    }
}

#[test]
fn names_on_the_sign_are_text_and_never_markup() {
    let html = sign("en", "<b>A & B</b> {{contact}}");
    assert!(html.contains("&lt;b&gt;A &amp; B&lt;/b&gt; &#123;&#123;contact}}"), "{html}");
}
