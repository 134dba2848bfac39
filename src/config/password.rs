//! The password of a server that nobody configured one for.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rand::{Rng, distr::Alphanumeric};

use super::Secret;

/// Name of the file in the data folder.
pub const PASSWORD_FILE: &str = "password";
/// Letters and digits of a password made here: 143 bits.
const PASSWORD_LENGTH: usize = 24;

/// A data folder's password.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderPassword {
    /// The password.
    pub password: Secret,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// The password that the data folder keeps, readable by its owner only; made at the first start.
pub fn password_of_folder(folder: &Path) -> io::Result<FolderPassword> {
    match existing_password_of_folder(folder) {
        Ok(password) => return Ok(FolderPassword { password, is_new: false }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let password: String =
        rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH).map(char::from).collect();
    let mut out =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(PASSWORD_FILE))?;
    writeln!(out, "{password}")?;
    out.sync_all()?;
    Ok(FolderPassword { password: Secret::new(password), is_new: true })
}

/// The password that the data folder keeps; an error if there is none.
pub fn existing_password_of_folder(folder: &Path) -> io::Result<Secret> {
    let file = folder.join(PASSWORD_FILE);
    let text = fs::read_to_string(&file)?;
    if text.trim().is_empty() {
        let reason = format!("{} is empty: write a password into it or remove it", file.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(Secret::new(text.trim()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = password_of_folder(folder.path()).unwrap();
        assert_eq!(first.password.expose().len(), PASSWORD_LENGTH);
        assert!(first.is_new);
        let second = password_of_folder(folder.path()).unwrap();
        assert_eq!((second.password, second.is_new), (first.password.clone(), false));
        let mode = fs::metadata(folder.path().join(PASSWORD_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(password_of_folder(tempfile::tempdir().unwrap().path()).unwrap(), first);
    }
}
