//! The dependency direction: what crates/README.md says and what the manifests do must agree.
//!
//! The table between `<!-- dependencies -->` and `<!-- /dependencies -->` has one row
//! `` | `crate` | `may`, `depend`, `on` | what it holds | `` for each package below crates/, `–`
//! where it may depend on none, and lists every crate after all that it may depend on.

use std::collections::BTreeSet;
use std::{fmt, fs};

use crate::error::Error;
use crate::workspace::{Package, Workspace};

const START: &str = "<!-- dependencies -->";
const END: &str = "<!-- /dependencies -->";

/// One disagreement, with its remedy. Lines are those of crates/README.md, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// crates/README.md does not exist.
    NoReadme,
    /// The table's first or last line is not there.
    NoTable,
    /// A row that cannot be read.
    Malformed { line: usize },
    /// A second row for a crate.
    Repeated { line: usize, name: String },
    /// A row for a crate that does not exist.
    NoSuchCrate { line: usize, name: String },
    /// A crate without a row.
    NoRow { name: String },
    /// A row permits a crate that has no row before it.
    Order { line: usize, name: String, on: String },
    /// A manifest has a dependency that its row does not permit.
    Forbidden { line: usize, name: String, on: String },
}

/// Compares crates/README.md with the manifests.
///
/// # Errors
///
/// All disagreements, or that crates/README.md cannot be read.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Error> {
    let crates = workspace.root.join("crates");
    let path = crates.join("README.md");
    if !path.exists() {
        return Err(Error::Architecture(vec![Violation::NoReadme]));
    }
    let readme = fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?;
    let packages: Vec<_> = workspace
        .packages
        .iter()
        .filter(|package| package.directory.starts_with(&crates))
        .collect();
    let violations = violations(&readme, &packages);
    if violations.is_empty() { Ok(()) } else { Err(Error::Architecture(violations)) }
}

fn violations(readme: &str, packages: &[&Package]) -> Vec<Violation> {
    let rows = match rows(readme) {
        Ok(rows) => rows,
        Err(violation) => return vec![violation],
    };
    let mut found = of_table(&rows, packages);
    found.extend(packages.iter().flat_map(|package| of_package(&rows, package)));
    found
}

fn of_table(rows: &[Row<'_>], packages: &[&Package]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut before = BTreeSet::new();
    for &Row { line, name, ref permitted } in rows {
        if !packages.iter().any(|package| package.name == name) {
            found.push(Violation::NoSuchCrate { line, name: name.to_owned() });
        }
        for on in permitted.iter().filter(|on| !before.contains(*on)) {
            let on = (*on).to_owned();
            found.push(Violation::Order { line, name: name.to_owned(), on });
        }
        if !before.insert(name) {
            found.push(Violation::Repeated { line, name: name.to_owned() });
        }
    }
    found
}

fn of_package(rows: &[Row<'_>], package: &Package) -> Vec<Violation> {
    let Some(row) = rows.iter().find(|row| row.name == package.name) else {
        return vec![Violation::NoRow { name: package.name.clone() }];
    };
    let forbidden = package.members.iter().filter(|on| !row.permitted.contains(&on.as_str()));
    forbidden
        .map(|on| Violation::Forbidden {
            line: row.line,
            name: package.name.clone(),
            on: on.clone(),
        })
        .collect()
}

/// A row of the table: a crate and what it may depend on.
struct Row<'text> {
    line: usize,
    name: &'text str,
    permitted: Vec<&'text str>,
}

fn rows(readme: &str) -> Result<Vec<Row<'_>>, Violation> {
    let mut lines = (1..).zip(readme.lines());
    lines.find(|(_, text)| text.trim() == START).ok_or(Violation::NoTable)?;
    let mut table = Vec::new();
    loop {
        let (line, text) = lines.next().ok_or(Violation::NoTable)?;
        match text.trim() {
            END => break,
            text if text.starts_with('|') => table.push((line, text)),
            _ => {}
        }
    }
    // The first two lines are the headings and the rule below them.
    let rows = table.into_iter().skip(2);
    rows.map(|(line, text)| row(line, text).ok_or(Violation::Malformed { line })).collect()
}

fn row(line: usize, text: &str) -> Option<Row<'_>> {
    let mut cells = text.strip_prefix('|')?.split('|').map(str::trim);
    let name = quoted(cells.next()?)?;
    let permitted = match cells.next()? {
        "–" => Vec::new(),
        names => names.split(',').map(|name| quoted(name.trim())).collect::<Option<_>>()?,
    };
    Some(Row { line, name, permitted })
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('`')?.strip_suffix('`').filter(|name| !name.is_empty())
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::NoReadme => write!(
                f,
                "crates/README.md does not exist: write it, with a table between the lines \
                 `{START}` and `{END}` of rows | `crate` | `may`, `depend`, `on` (or –) | holds |"
            ),
            Violation::NoTable => {
                write!(f, "the table between the lines `{START}` and `{END}` is not there: add it")
            }
            Violation::Malformed { line } => write!(
                f,
                "line {line}: not of the form | `crate` | `may`, `depend`, `on` (or –) | holds |"
            ),
            Violation::Repeated { line, name } => {
                write!(f, "line {line}: a second row for `{name}`: keep one")
            }
            Violation::NoSuchCrate { line, name } => {
                write!(f, "line {line}: there is no crate `{name}`: drop the row, or add the crate")
            }
            Violation::NoRow { name } => {
                write!(f, "`{name}` has no row: add one, after all that it depends on")
            }
            Violation::Order { line, name, on } => write!(
                f,
                "line {line}: `{name}` may depend on `{on}`, which has no row above: \
                 move the row of `{name}` below that of `{on}`, or take `{on}` out of it"
            ),
            Violation::Forbidden { line, name, on } => write!(
                f,
                "`{name}` depends on `{on}`, which its row (line {line}) does not permit: \
                 drop the dependency from crates/{name}/Cargo.toml, or add `{on}` to the row"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "\
<!-- dependencies -->
| crate | may depend on | holds |
|---|---|---|
| `policy` | – | the decision |
| `connlog` | `policy` | the record |
| `logstore` | `policy`, `connlog` | the log |
<!-- /dependencies -->
";

    fn package(name: &str, members: &[&str]) -> Package {
        Package {
            name: name.into(),
            directory: format!("/repo/crates/{name}").into(),
            members: members.iter().map(ToString::to_string).collect(),
        }
    }

    fn check(readme: &str, packages: &[Package]) -> Vec<Violation> {
        violations(readme, &packages.iter().collect::<Vec<_>>())
    }

    fn agreeing() -> Vec<Package> {
        let (policy, connlog) = (package("policy", &[]), package("connlog", &["policy"]));
        vec![policy, connlog, package("logstore", &["connlog"])]
    }

    #[test]
    fn accepts_what_agrees() {
        assert_eq!(check(README, &agreeing()), []);
    }

    #[test]
    fn refuses_a_dependency_its_row_does_not_permit() {
        let mut packages = agreeing();
        packages[0] = package("policy", &["connlog"]);
        let forbidden =
            Violation::Forbidden { line: 4, name: "policy".into(), on: "connlog".into() };
        assert_eq!(check(README, &packages), [forbidden]);
    }

    #[test]
    fn refuses_rows_without_crates_and_crates_without_rows() {
        let mut packages = agreeing();
        packages[0] = package("rules", &[]);
        let expected = [
            Violation::NoSuchCrate { line: 4, name: "policy".into() },
            Violation::NoRow { name: "rules".into() },
        ];
        assert_eq!(check(README, &packages), expected);
    }

    #[test]
    fn refuses_a_row_above_what_it_permits() {
        let readme = README.replace("| `policy` | – |", "| `policy` | `logstore` |");
        let order = Violation::Order { line: 4, name: "policy".into(), on: "logstore".into() };
        assert_eq!(check(&readme, &agreeing()), [order]);
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let unquoted = README.replace("| `policy`, `connlog` |", "| policy, connlog |");
        assert_eq!(check(&unquoted, &agreeing()), [Violation::Malformed { line: 6 }]);
        let unfinished = README.replace(END, "");
        assert_eq!(check(&unfinished, &agreeing()), [Violation::NoTable]);
    }
}
