/** The page of `kubectl graphcron dashboard`. */

import { render, type JSX } from "preact";
import "./styles/index.css";
import { ActionDialog } from "./actions/dialog.tsx";
import { CostView } from "./cost/cost.tsx";
import { follow } from "./data/live.ts";
import { followAddress, place, type ViewName } from "./data/route.ts";
import { followSettings } from "./data/settings.ts";
import { about, announced, connection, failure } from "./data/store.ts";
import { Detail } from "./detail/detail.tsx";
import { LoadView } from "./load/load.tsx";
import { Empty } from "./parts/empty.tsx";
import { Header } from "./parts/header.tsx";
import { Icon } from "./parts/icons.tsx";
import { followKeys, KeysDialog } from "./parts/keys.tsx";
import { Summary } from "./parts/summary.tsx";
import { TableView } from "./table/table.tsx";
import { Timeline } from "./timeline/timeline.tsx";

const VIEW: Record<ViewName, () => JSX.Element> = { timeline: Timeline, load: LoadView, cost: CostView, table: TableView };

function Page(): JSX.Element {
  const View = VIEW[place.value.view];
  return (
    <>
      <Header />
      <Notices />
      {about.value ? (
        <div class="main">
          <main class="content">
            <Summary />
            <div class="view-box" id="view" role="tabpanel" aria-labelledby={`tab-${place.value.view}`}>
              <View />
            </div>
          </main>
          <Detail />
        </div>
      ) : (
        <main class="content">{failure.value ? <Failed /> : <Loading />}</main>
      )}
      <ActionDialog />
      <KeysDialog />
      <div class="hidden" role="status" aria-live="polite">
        {announced.value}
      </div>
    </>
  );
}

function Notices(): JSX.Element {
  const { connected, text } = connection.value;
  const refused = about.value?.refused ?? [];
  return (
    <div class="notices" role="status">
      {!connected && (
        <div class="notice notice-bad">
          <Icon name="warn" size={14} /> {text || "The connection to the cluster is lost."} The page shows what it last knew.
        </div>
      )}
      {refused.map((each) => (
        <div key={each} class="notice">
          <Icon name="info" size={14} /> {each}
        </div>
      ))}
    </div>
  );
}

function Loading(): JSX.Element {
  return (
    <div class="loading" role="status">
      <span class="hidden">Reading the GraphCrons…</span>
      {Array.from({ length: 12 }, (_, index) => (
        <div key={index} class="bone" />
      ))}
    </div>
  );
}

function Failed(): JSX.Element {
  return (
    <Empty title="The page has no data">
      <p>{failure.value}</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        Try again
      </button>
    </Empty>
  );
}

followSettings();
followAddress();
followKeys();
const root = document.getElementById("page");
if (root) render(<Page />, root);
void follow();
