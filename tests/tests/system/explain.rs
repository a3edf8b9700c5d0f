//! `sekisho policy`: what it explains is what the gateway does, and scripts can tell.

use std::fs;

use sekisho_tests::client::Client;
use sekisho_tests::setup::Setup;
use sekisho_tests::site::{PLUS, Site};
use serde_json::Value;

fn explain(site: &Site, line: &str) -> (Option<i32>, Value) {
    let line = format!("policy explain {line} --json");
    let outcome = site.sekisho(line.split(' '));
    let answer = serde_json::from_str(&outcome.output).unwrap_or_else(|_| panic!("{outcome}"));
    (outcome.status.code(), answer)
}

#[test]
fn the_gateway_does_what_is_explained_and_the_remedy_helps() {
    let gateway = Setup::new().start();
    let site = &gateway.site;
    let client = Client::of(site, "C1/pc-1").asking_for("basic.kmix-r.example");
    let line = "--road tls --from C1/pc-1 --to basic.kmix-r.example";
    let (status, denied) = explain(site, line);
    let (source, _) = client.refused(gateway.named());
    assert_eq!(status, Some(3));
    assert_eq!(denied["reason"], gateway.denied(source).reason());
    assert_eq!(denied["steps"].as_array().unwrap().last().unwrap()["check"], "permission");

    let remedy = denied["changes"][0]["command"].as_str().unwrap();
    let remedy = remedy.strip_prefix("sekisho ").unwrap();
    site.sekisho(remedy.split(' ')).expect_success();
    let (status, permitted) = explain(site, line);
    assert_eq!((status, &permitted["verdict"]), (Some(0), &"permitted".into()));
    assert_eq!(
        (&permitted["terminal"], &permitted["system"]),
        (&"C1/pc-1".into(), &"kmix-r-basic".into())
    );

    let unknown =
        site.sekisho("policy explain --road tls --from C1/pc-9 --to kmix-plus".split(' '));
    assert_eq!(unknown.status.code(), Some(1), "{unknown}");
    assert!(unknown.errors.contains("terminal C1/pc-9 is not registered"), "{unknown}");
}

#[test]
fn expectations_that_fail_are_named_with_line_and_rule() {
    let site = Site::new();
    site.sekisho(["institution", "change", "C1", "--hours", "mon-fri 08:30-18:00"])
        .expect_success();
    let expect = |at: &str, expect: &str| {
        format!(
            "[[expect]]\nroad = 'tls'\nfrom = 'C1/pc-1'\nto = '{PLUS}'\nat = '{at}'\nexpect = '{expect}'\n\
             note = '内科の受付'\n"
        )
    };
    let file = site.path("expected.toml");
    let (tuesday, saturday) = (next(1), next(5));
    let good = expect(&tuesday, "permit") + &expect(&saturday, "policy.outside-hours");
    fs::write(&file, &good).unwrap();
    let told = site.sekisho(["policy", "test", "expected.toml"]).expect_success();
    assert_eq!(told, "2 of 2 as expected\n");

    fs::write(&file, good + &expect(&saturday, "permit")).unwrap();
    let outcome = site.sekisho(["--lang", "en", "policy", "test", "expected.toml"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    let line = outcome.output.lines().next().unwrap();
    let start = "expected.toml:20: 内科の受付: expected permit, came policy.outside-hours — ";
    assert!(line.starts_with(start) && line.contains("hours mon-fri 08:30-18:00"), "{line}");
    assert!(outcome.output.ends_with("2 of 3 as expected\n"), "{outcome}");

    fs::write(&file, expect(&tuesday, "forbid")).unwrap();
    let outcome = site.sekisho(["policy", "test", "expected.toml"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(
        outcome.errors.contains("expected.toml:6:10") && outcome.errors.contains("help: "),
        "{outcome}"
    );
}

/// 10:00 on a day of next week, 0 being Monday: the certificates of the site are new.
fn next(weekday: i64) -> String {
    let today = jiff::Zoned::now().date();
    let monday = today.nth_weekday(1, jiff::civil::Weekday::Monday).unwrap();
    let day = monday + jiff::SignedDuration::from_hours(24 * weekday);
    format!("{day} 10:00")
}
