//! `cargo xtask ci`: every check in turn, stopping at the first that fails.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::needs::Group;
use crate::workspace::Workspace;
use crate::{architecture, demo, deny, install, process, terminal, test};

/// One check; it returns remarks on what it had to leave out.
struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Result<Vec<String>, Error>,
}

const STEPS: [Step; 8] = [
    Step { name: "tools", run: tools },
    Step { name: "formatting", run: formatting },
    Step { name: "lints", run: lints },
    Step { name: "docs", run: docs },
    Step { name: "architecture", run: architecture },
    Step { name: "dependency policy", run: deny::check },
    Step { name: "test", run: |workspace| test::run(workspace, &[]) },
    Step { name: "demo", run: demo_once },
];

/// What became of a step that ran.
struct Outcome {
    passed: bool,
    time: Duration,
}

/// Runs the steps and sums them up.
///
/// # Errors
///
/// When a step fails; those after it are not run.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let mut outcomes = Vec::new();
    let mut remarks = Vec::new();
    let mut failed = None;
    for step in &STEPS {
        terminal::note(&format!("\n== {} ==", step.name));
        let start = Instant::now();
        let result = (step.run)(workspace);
        outcomes.push(Outcome { passed: result.is_ok(), time: start.elapsed() });
        match result {
            Ok(more) => remarks.extend(more),
            Err(error) => {
                terminal::note(&format!("error: {error}"));
                failed = Some(step.name);
                break;
            }
        }
    }
    terminal::result(&summary(&outcomes, &remarks));
    failed.map_or(Ok(()), |step| Err(Error::Step(step)))
}

fn summary(outcomes: &[Outcome], remarks: &[String]) -> String {
    let rows: Vec<_> = STEPS
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let (verdict, time) = match outcomes.get(index) {
                Some(Outcome { passed: true, time }) => ("passed", seconds(*time)),
                Some(Outcome { passed: false, time }) => ("FAILED", seconds(*time)),
                None => ("not run", String::new()),
            };
            vec![step.name.to_owned(), verdict.to_owned(), time]
        })
        .collect();
    let remarks: String = remarks.iter().map(|remark| format!("{remark}\n")).collect();
    format!("\n{}{remarks}", terminal::table(&rows))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Everything at once and first: what cannot be installed shows before anything is built.
fn tools(workspace: &Workspace) -> Result<Vec<String>, Error> {
    install::ensure(workspace, &[Group::Build, Group::Demo, Group::Test, Group::Ci])?;
    Ok(Vec::new())
}

fn formatting(workspace: &Workspace) -> Result<Vec<String>, Error> {
    cargo(workspace, &["fmt", "--all", "--check"])
}

fn lints(workspace: &Workspace) -> Result<Vec<String>, Error> {
    cargo(workspace, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn docs(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let mut doc = process::cargo(&workspace.root);
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    process::run(&mut doc)?;
    Ok(Vec::new())
}

fn architecture(workspace: &Workspace) -> Result<Vec<String>, Error> {
    architecture::check(workspace)?;
    Ok(Vec::new())
}

fn demo_once(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let report = workspace.target.join("demo.json");
    demo::run(workspace, &[OsStr::new("--once"), OsStr::new("--json"), report.as_os_str()])?;
    Ok(Vec::new())
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<Vec<String>, Error> {
    process::run(process::cargo(&workspace.root).args(arguments))?;
    Ok(Vec::new())
}
