// What the printed address shows: the token goes to where only pages of this port find it, and out of the address.

const token = new URLSearchParams(location.search).get("token");
try { localStorage.setItem("fieldguide-token", token); } catch (error) { /* then nothing can be changed, and pages say so */ }
location.replace("/");
