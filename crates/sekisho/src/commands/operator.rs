//! `sekisho operator …`

use policy::Status;
use registry::{Operator, OperatorChange};

use super::{act, open_registry};
use crate::cli;
use crate::config::Config;
use crate::{Failure, output};

pub(super) fn run(config: &Config, command: cli::Operator) -> Result<(), Failure> {
    use cli::Operator as Command;
    match command {
        Command::Add { name, role, certificate } => {
            act(config, |desk| desk.add_operator(name.clone(), role, certificate))?;
            output::line(format_args!("{name}: registered as {role}"))
        }
        Command::Role { name, role } => {
            act(config, |desk| desk.change_operator(&name, OperatorChange::Role(role)))?;
            output::line(format_args!("{name}: {role}"))
        }
        Command::List(json) => {
            let operators = open_registry(config)?.reader().operators()?;
            if json.json { output::json(&operators) } else { table(operators) }
        }
        Command::Suspend { name } => set(config, &name, Status::Suspended),
        Command::Resume { name } => set(config, &name, Status::Active),
        Command::Revoke { name } => set(config, &name, Status::Revoked),
    }
}

fn set(config: &Config, name: &str, status: Status) -> Result<(), Failure> {
    act(config, |desk| desk.set_operator_status(name, status))?;
    output::line(format_args!("{name}: {status}"))
}

fn table(operators: Vec<Operator>) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = operators
        .into_iter()
        .map(|operator| {
            let certificate = operator.certificate.map(|c| c.to_string());
            let (role, status) = (operator.role.to_string(), operator.status.to_string());
            vec![operator.name, role, status, certificate.unwrap_or_default()]
        })
        .collect();
    output::table(&["operator", "role", "status", "certificate"], &rows)
}
