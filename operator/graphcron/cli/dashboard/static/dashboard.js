const data = document.getElementById("state");
const state = data ? JSON.parse(data.textContent).state : await (await fetch("/api/state")).json();
document.getElementById("app").textContent = JSON.stringify(state, null, 2);
