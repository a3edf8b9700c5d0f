//! The firewall behind the routes, `table inet sekisho`: by the nft program, which knows the
//! kernel's language best.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

use net::{IpVpn, Steering};
use serde_json::Value;

use crate::Failure;

const TABLE: [&str; 3] = ["table", "inet", "sekisho"];

/// Installs the table, or replaces the one that is there, in one step.
pub(crate) fn install(steering: &Steering) -> Result<(), Failure> {
    // To delete what is not there would fail: so it is declared first.
    let table = TABLE.join(" ");
    let rules: String = chains(steering).iter().map(Chain::text).collect();
    nft(&["-f", "-"], &format!("{table}\ndelete {table}\n{table} {{\n{rules}}}\n"))?;
    Ok(())
}

/// Takes the table away.
pub(crate) fn remove() -> Result<(), Failure> {
    let table = TABLE.join(" ");
    nft(&["-f", "-"], &format!("{table}\ndelete {table}\n"))?;
    Ok(())
}

/// Whether there is such a table.
pub(crate) fn is_there() -> Result<bool, Failure> {
    Ok(listed()?.is_some())
}

/// Which chains are not as [`install`] makes them.
pub(crate) fn missing(steering: &Steering) -> Result<Vec<String>, Failure> {
    let objects = listed()?.unwrap_or_default();
    let chains = chains(steering);
    let missing = chains.iter().filter(|chain| !chain.stands_among(&objects));
    Ok(missing.map(|chain| format!("{} chain {}", TABLE.join(" "), chain.name)).collect())
}

struct Chain {
    /// And the hook's.
    name: &'static str,
    policy: &'static str,
    rules: Vec<Rule>,
}

/// A rule, and the interfaces that it names.
struct Rule {
    text: String,
    interfaces: BTreeSet<String>,
}

fn rule(text: String, interfaces: impl IntoIterator<Item = String>) -> Rule {
    Rule { text, interfaces: interfaces.into_iter().collect() }
}

/// What comes from the IP-VPN goes into its device, and whatever else is forwarded comes from or
/// goes to the device where all is judged. To the gateway itself the IP-VPN brings nothing but
/// neighbour discovery (RFC 4861 §7.1: a hop limit of 255 proves that no router sent it on).
fn chains(steering: &Steering) -> Vec<Chain> {
    let Steering { device, ip_vpn, .. } = steering;
    let mut forward = Vec::new();
    let mut input = Vec::new();
    if let Some(IpVpn { device, interfaces }) = ip_vpn {
        let quoted: Vec<String> = interfaces.iter().map(|name| format!("\"{name}\"")).collect();
        let from = format!("iifname {{ {} }}", quoted.join(", "));
        let names = || interfaces.iter().cloned();
        let into = format!("{from} oifname \"{device}\" accept");
        forward.push(rule(into, names().chain([device.clone()])));
        forward.push(rule(format!("{from} drop"), names()));
        let neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }";
        input.push(rule(format!("{from} {neighbours} ip6 hoplimit 255 accept"), names()));
        input.push(rule(format!("{from} drop"), names()));
    }
    for direction in ["iifname", "oifname"] {
        forward.push(rule(format!("{direction} \"{device}\" accept"), [device.clone()]));
    }
    vec![
        Chain { name: "forward", policy: "drop", rules: forward },
        Chain { name: "input", policy: "accept", rules: input },
    ]
}

impl Chain {
    fn text(&self) -> String {
        let Self { name, policy, rules } = self;
        let rules: Vec<&str> = rules.iter().map(|rule| rule.text.as_str()).collect();
        format!(
            "chain {name} {{ type filter hook {name} priority filter; policy {policy};\n{}\n}}\n",
            rules.join("\n")
        )
    }

    /// Whether nft lists it with its policy and with as many rules, each naming these interfaces.
    fn stands_among(&self, objects: &[Value]) -> bool {
        let is = |value: &Value, key: &str, text: &str| {
            value.get(key).and_then(Value::as_str) == Some(text)
        };
        let stands = objects.iter().filter_map(|object| object.get("chain")).any(|chain| {
            is(chain, "name", self.name)
                && is(chain, "hook", self.name)
                && is(chain, "policy", self.policy)
        });
        let rules = objects.iter().filter_map(|object| object.get("rule"));
        let rules = rules.filter(|rule| is(rule, "chain", self.name)).map(interfaces);
        stands && rules.eq(self.rules.iter().map(|rule| rule.interfaces.clone()))
    }
}

/// The interfaces that a rule compares with, as libnftables-json(5) has them.
fn interfaces(rule: &Value) -> BTreeSet<String> {
    let expressions = rule.get("expr").and_then(Value::as_array).into_iter().flatten();
    let matches = expressions.filter_map(|expression| expression.get("match"));
    let of_names = matches.filter(|found| {
        let key = found.pointer("/left/meta/key").and_then(Value::as_str);
        matches!(key, Some("iifname" | "oifname"))
    });
    let names = of_names.filter_map(|found| found.get("right")).flat_map(|right| {
        match right.get("set").and_then(Value::as_array) {
            Some(set) => set.iter().filter_map(Value::as_str).collect(),
            None => Vec::from_iter(right.as_str()),
        }
    });
    names.map(ToOwned::to_owned).collect()
}

/// What is in the table, if there is one.
fn listed() -> Result<Option<Vec<Value>>, Failure> {
    // Of all tables, since one that is not there would be an error like any other.
    let tables = objects(&["-j", "list", "tables"])?;
    let [kind, family, name] = TABLE;
    let is_ours = |object: &Value| {
        let text = |key| object.get(kind).and_then(|table| table.get(key)).and_then(Value::as_str);
        text("family") == Some(family) && text("name") == Some(name)
    };
    if !tables.iter().any(is_ours) {
        return Ok(None);
    }
    Ok(Some(objects(&["-j", "list", kind, family, name])?))
}

fn objects(arguments: &[&str]) -> Result<Vec<Value>, Failure> {
    let mut answer: Value = serde_json::from_slice(&nft(arguments, "")?.stdout)?;
    match answer.get_mut("nftables").map(Value::take) {
        Some(Value::Array(objects)) => Ok(objects),
        _ => Err("nft gave no list of objects".into()),
    }
}

fn nft(arguments: &[&str], input: &str) -> Result<Output, Failure> {
    let run = || -> io::Result<Output> {
        let mut nft = Command::new("nft");
        nft.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut nft = nft.spawn()?;
        if let Some(mut stdin) = nft.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        nft.wait_with_output()
    };
    let output = run().map_err(|error| {
        format!("cannot run nft, which keeps the firewall: {error}; install nftables")
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("nothing");
    Err(format!("nft says: {said}; it needs root or CAP_NET_ADMIN").into())
}
