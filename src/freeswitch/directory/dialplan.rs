//! Section `dialplan`: what happens to a call.
//!
//! `15*101*video` is conference 101 of tenant 15 with profile `video`. Numbers of this kind are answered for good, with
//! the conference or with 403; the static dial plan is never asked about them. All other numbers are left to it.

use tracing::info;

use super::{
    Directory, Parameters,
    document::{document, named, pairs},
};
use crate::{
    error::Result,
    freeswitch::{excerpt, identity},
    sql::Tenant,
};

/// Milliseconds without media after which FreeSWITCH takes a member for gone.
const MEDIA_TIMEOUT: &str = "media_timeout=10000";
/// Separates the parts of a number.
const SEPARATOR: char = '*';

/// A number that leads into a conference.
struct Destination<'a> {
    tenant: Tenant,
    conference: &'a str,
    /// The conference's name at FreeSWITCH.
    full_name: &'a str,
    profile: &'a str,
}

impl Directory {
    /// The document of the call that the request describes. None if it is not for a conference of ours.
    pub(super) fn call(&self, request: &Parameters) -> Result<Option<String>> {
        // A call that was transferred has another destination than at first.
        let of_call = |name: &str| {
            request.get(&format!("Hunt-{name}")).or_else(|| request.get(&format!("Caller-{name}")))
        };
        let (Some(number), Some(context)) = (of_call("Destination-Number"), of_call("Context")) else {
            return Ok(None);
        };
        if !is_for_a_conference(number) || !is_harmless(context) {
            return Ok(None);
        }
        let full_name = number.rsplit_once(SEPARATOR).map(|(name, _)| identity::full_name(name));
        let destination = full_name.as_deref().and_then(|full_name| Destination::of(number, full_name));
        let caller = caller(request);
        match (destination, caller) {
            (Some(destination), Some(caller)) if self.admits(&destination, caller)? => {
                let actions = [
                    ("set", MEDIA_TIMEOUT),
                    ("answer", ""),
                    // The caller chooses both, and they are what lists and events say.
                    ("set_profile_var", &format!("caller_id_name={caller}")),
                    ("set_profile_var", &format!("caller_id_number={caller}")),
                    ("conference", &format!("{}@{}", destination.full_name, destination.profile)),
                ];
                plan(context, &actions).map(Some)
            }
            _ => {
                info!(
                    caller = caller.unwrap_or("unknown"),
                    number = excerpt(number),
                    "a call into a conference is refused"
                );
                plan(context, &[("respond", "403 Forbidden"), ("hangup", "CALL_REJECTED")]).map(Some)
            }
        }
    }

    fn admits(&self, destination: &Destination, caller: &str) -> Result<bool> {
        let Some((tenant, user)) = identity::user(caller) else { return Ok(false) };
        if tenant != destination.tenant {
            return Ok(false);
        }
        Ok(!self.invited_only || self.is_invited(tenant, destination.conference, user)?)
    }
}

impl<'a> Destination<'a> {
    fn of(number: &'a str, full_name: &'a str) -> Option<Self> {
        let (_, profile) = number.rsplit_once(SEPARATOR)?;
        let (tenant, conference) = identity::conference(full_name)?;
        (is_harmless(conference) && is_harmless(profile)).then_some(Destination {
            tenant,
            conference,
            full_name,
            profile,
        })
    }
}

/// Whether a number is `<digits>*...*...`: wider than what is admitted, so that no static dial plan's pattern lets a
/// number in that was not looked at here.
fn is_for_a_conference(number: &str) -> bool {
    let mut parts = number.split(SEPARATOR);
    let tenant = parts.next().unwrap_or_default();
    !tenant.is_empty() && tenant.bytes().all(|byte| byte.is_ascii_digit()) && parts.count() >= 2
}

/// Whether a text means nothing to FreeSWITCH but itself.
fn is_harmless(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whom FreeSWITCH has authenticated the caller as, if it was with our directory, which alone sets the account code.
fn caller<'a>(request: &'a Parameters) -> Option<&'a str> {
    let name = request.get("variable_sip_auth_username")?;
    (request.get("variable_accountcode")? == name && identity::user(name).is_some()).then_some(name)
}

fn plan(context: &str, actions: &[(&str, &str)]) -> Result<String> {
    document("dialplan", |xml| {
        named(xml, "context", context, |xml| {
            named(xml, "extension", "comet_conferences", |xml| {
                xml.create_element("condition")
                    .write_inner_content(|xml| pairs(xml, "action", ["application", "data"], actions))?;
                Ok(())
            })
        })
    })
}
