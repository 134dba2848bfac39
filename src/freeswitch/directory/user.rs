//! Section `directory`: a SIP user, his password and his variables (notes 06, section 3).

use md5::{Digest, Md5};

use super::{
    Directory, Parameters,
    document::{document, named, pairs},
};
use crate::{
    error::Result,
    freeswitch::identity::{self, DOMAIN},
};

/// How FreeSWITCH reaches a user who is registered.
const DIAL_STRING: &str =
    "{presence_id=${dialed_user}@${dialed_domain}}${sofia_contact(${dialed_user}@${dialed_domain})}";

impl Directory {
    /// The document of the user that the request names, if there is one.
    pub(super) fn user(&self, request: &Parameters) -> Result<Option<String>> {
        let Some(name) = request.get("user") else { return Ok(None) };
        let Some((tenant, user)) = identity::user(name) else { return Ok(None) };
        let Some(password) = self.password(tenant, user)? else { return Ok(None) };
        if self.clear_password {
            return found(name, ("password", &password)).map(Some);
        }
        // The realm that the phone named, which FreeSWITCH checks its answer with. Who asks for another reason gets
        // the hash that FreeSWITCH's own files would have.
        let realm = request.get("sip_auth_realm").unwrap_or(DOMAIN);
        found(name, ("a1-hash", &a1_hash(name, realm, &password))).map(Some)
    }
}

/// The hash of RFC 2617, section 3.2.2.2, from which FreeSWITCH computes the answer that a phone must give.
fn a1_hash(user: &str, realm: &str, password: &str) -> String {
    use std::fmt::Write;
    let digest = Md5::new().chain_update(format!("{user}:{realm}:{password}")).finalize();
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn found(user: &str, secret: (&str, &str)) -> Result<String> {
    const VALUES: [&str; 2] = ["name", "value"];
    let variables = [
        ("toll_allow", "domestic,international,local"),
        ("accountcode", user),
        ("user_context", "default"),
        ("effective_caller_id_name", &format!("Extension {user}")),
        ("effective_caller_id_number", user),
        ("outbound_caller_id_name", "$${outbound_caller_name}"),
        ("outbound_caller_id_number", "$${outbound_caller_id}"),
        ("callgroup", "techsupport"),
    ];
    document("directory", |xml| {
        named(xml, "domain", DOMAIN, |xml| {
            xml.create_element("params")
                .write_inner_content(|xml| pairs(xml, "param", VALUES, &[("dial-string", DIAL_STRING)]))?;
            xml.create_element("groups").write_inner_content(|xml| {
                named(xml, "group", "default", |xml| {
                    xml.create_element("users").write_inner_content(|xml| {
                        xml.create_element("user").with_attribute(("id", user)).write_inner_content(
                            |xml| {
                                xml.create_element("params")
                                    .write_inner_content(|xml| pairs(xml, "param", VALUES, &[secret]))?;
                                xml.create_element("variables")
                                    .write_inner_content(|xml| pairs(xml, "variable", VALUES, &variables))?;
                                Ok(())
                            },
                        )?;
                        Ok(())
                    })?;
                    Ok(())
                })
            })?;
            Ok(())
        })
    })
}
