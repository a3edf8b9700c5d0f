//! What `cargo metadata` says of this workspace.

use std::env;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Error;
use crate::process;

/// The workspace `cargo xtask` was called in.
pub(crate) struct Workspace {
    /// The directory of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Its members, in cargo's order.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
pub(crate) struct Package {
    /// The package's name.
    pub(crate) name: String,
    /// The directory of its `Cargo.toml`.
    pub(crate) directory: PathBuf,
    /// The members it is built from, without those only its tests use.
    pub(crate) members: Vec<String>,
}

impl Workspace {
    /// Asks cargo for the workspace of the current directory.
    ///
    /// # Errors
    ///
    /// When cargo cannot read the manifests.
    pub(crate) fn locate() -> Result<Self, Error> {
        let here = env::current_dir()
            .map_err(|source| Error::Read { path: PathBuf::from("."), source })?;
        let mut metadata = process::cargo(&here);
        metadata.args(["metadata", "--format-version", "1", "--no-deps"]);
        Self::from_metadata(&process::read(&mut metadata)?)
    }

    /// The program `name` of the development build.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// Where programs of others are installed that are only measured.
    pub(crate) fn peers(&self) -> PathBuf {
        self.target.join("peers")
    }

    fn from_metadata(json: &[u8]) -> Result<Self, Error> {
        let metadata: Value = serde_json::from_slice(json)
            .map_err(|source| Error::Json { origin: ORIGIN.into(), source })?;
        let packages = member(&metadata, "packages", Value::as_array)?;
        Ok(Self {
            root: member(&metadata, "workspace_root", Value::as_str)?.into(),
            target: member(&metadata, "target_directory", Value::as_str)?.into(),
            packages: packages.iter().map(package).collect::<Result<_, _>>()?,
        })
    }
}

const ORIGIN: &str = "`cargo metadata`";

fn package(value: &Value) -> Result<Package, Error> {
    let manifest = Path::new(member(value, "manifest_path", Value::as_str)?);
    let dependencies = member(value, "dependencies", Value::as_array)?;
    Ok(Package {
        name: member(value, "name", Value::as_str)?.to_owned(),
        directory: manifest.parent().unwrap_or(manifest).to_owned(),
        members: dependencies
            .iter()
            .filter(|dependency| is_member(dependency) && !is_for_tests(dependency))
            .map(|dependency| member(dependency, "name", Value::as_str).map(str::to_owned))
            .collect::<Result<_, _>>()?,
    })
}

/// By its path: a crate of the same name may well exist in the registry.
fn is_member(dependency: &Value) -> bool {
    dependency.get("path").is_some_and(Value::is_string)
}

fn is_for_tests(dependency: &Value) -> bool {
    dependency.get("kind").and_then(Value::as_str) == Some("dev")
}

fn member<'json, T>(
    value: &'json Value,
    name: &'static str,
    read: impl Fn(&'json Value) -> Option<T>,
) -> Result<T, Error> {
    let missing = || Error::Missing { origin: ORIGIN.into(), member: name };
    value.get(name).and_then(read).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_path_dependencies_outside_tests_are_members() {
        let json = br#"{
            "workspace_root": "/repo", "target_directory": "/repo/target",
            "packages": [{"name": "registry", "manifest_path": "/repo/crates/registry/Cargo.toml",
                "dependencies": [
                    {"name": "policy", "kind": null, "path": "/repo/crates/policy"},
                    {"name": "codegen", "kind": "build", "path": "/repo/crates/codegen"},
                    {"name": "demo", "kind": "dev", "path": "/repo/crates/demo"},
                    {"name": "pki", "kind": null, "source": "registry+https://example.invalid"}
                ]}]
        }"#;
        let workspace = Workspace::from_metadata(json).unwrap();
        let [registry] = workspace.packages.as_slice() else { panic!("one package") };
        assert_eq!(registry.directory, Path::new("/repo/crates/registry"));
        assert_eq!(registry.members, ["policy", "codegen"]);
    }
}
