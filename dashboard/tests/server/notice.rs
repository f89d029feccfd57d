//! The sign.

use std::process::Command;

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

#[test]
fn the_sign_is_one_sheet_of_paper_also_with_long_names() {
    let folder = tempfile::tempdir().unwrap();
    for lang in ["en", "fr"] {
        let (html, pdf) = (folder.path().join("sign.html"), folder.path().join("sign.pdf"));
        std::fs::write(&html, sign(lang, &"Marché du cours de la République et de la place ".repeat(3))).unwrap();
        let printed = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"])
            .arg(format!("--user-data-dir={}", folder.path().join("browser").display()))
            .arg(format!("--print-to-pdf={}", pdf.display()))
            .arg(&html)
            .output();
        let printed = printed.expect("Debian's chromium is installed: pipelines/setup.sh --dashboard-tests");
        let bytes = std::fs::read(&pdf).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&printed.stderr)));
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("/Type /Page\n").count(), 1, "{lang}");
    }
}
