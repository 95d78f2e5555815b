// The map's half in the browser: Leaflet, with tiles only where the configuration names some. The standing plan is
// fetched once; marks come as patches.
// Texts arrive ready-made and are only ever set as text. Colours and shapes are page.css's.
import { leaflet as L } from "nicegui-leaflet";
import { loadResource } from "../../static/utils/resources.js";

const CLOSE_ZOOM = 15; // from here on every stop tells its name
const NESTED = 5; // up to so many routes are drawn as nested bands
const MANY = 150; // more vehicles than this jump instead of gliding, and only what is not on time says so
const CROWDED = 80; // more stops than this and the plain ones wait until one comes closer

L.Browser.ie3d = true; // translate() instead of translate3d(): five hundred marks shall not be five hundred layers

function element(tag, look, text) {
  const made = document.createElement(tag);
  made.className = look;
  if (text !== undefined) made.textContent = text;
  return made;
}

function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return luminance > 0.179 ? "#000000" : "#ffffff"; // where contrast with black and with white is equal, and above 4.5
}

function detailsOf(lines) {
  const card = element("div", "mark-details");
  lines.forEach((line, at) => card.append(element(at ? "span" : "b", "", line)));
  return card;
}

class Mark {
  constructor(id, kind, layer, point) {
    this.kind = kind;
    this.details = [];
    this.root = element("div", `mark mark-${kind}`);
    this.badge = element("span", "mark-badge");
    this.label = element("span", "mark-label");
    this.root.append(this.badge, this.label);
    const icon = L.divIcon({ className: `mark-anchor anchor-${kind}`, html: this.root, iconSize: [0, 0] });
    this.marker = L.marker([0, 0], { icon, riseOnHover: true, keyboard: true, zIndexOffset: kind === "vehicle" ? 1000 : 0 });
    this.marker.bindTooltip(() => detailsOf(this.details), { direction: "top", offset: [0, -16], className: "mark-tip" });
    this.marker.on("tooltipopen", () => point(id)).on("tooltipclose", () => point(""));
    this.layer = layer;
  }

  show([id, lat, lon, badge, label, state, spoken, colour]) {
    this.marker.setLatLng([lat, lon]);
    if (!this.marker._map) {
      this.marker.addTo(this.layer);
      const node = this.marker.getElement();
      node.addEventListener("focus", () => this.marker.openTooltip());
      node.addEventListener("blur", () => this.marker.closeTooltip());
      if (this.kind === "display") this.marker.on("click", () => location.assign(`${window.path_prefix}/fleet/${id}`));
    }
    if (spoken === undefined) return; // it only moved
    this.marker.getElement().setAttribute("aria-label", spoken);
    this.root.dataset.state = state;
    this.badge.textContent = badge;
    this.label.textContent = label;
    if (colour) {
      this.badge.style.setProperty("--route", colour);
      this.badge.style.setProperty("--on-route", inkOn(colour));
    }
  }

  tell(details) {
    this.details = details;
    if (this.marker.isTooltipOpen()) this.marker.getTooltip().update();
  }
}

const FitControl = L.Control.extend({
  options: { position: "topleft" },
  onAdd() {
    const bar = element("div", "leaflet-bar");
    const button = element("button", "map-fit");
    button.type = "button";
    button.title = this.options.title;
    button.setAttribute("aria-label", this.options.title);
    L.DomEvent.disableClickPropagation(bar);
    button.addEventListener("click", this.options.act);
    bar.append(button);
    return bar;
  },
});

export default {
  template: "<div></div>",
  props: { resourcePath: String, planUrl: String, tiles: Object, words: Object },
  emits: ["point"],
  data: () => ({ waiting: [] }),
  async mounted() {
    await this.$nextTick(); // window.path_prefix is set by then
    await loadResource(`${window.path_prefix}${this.resourcePath}/leaflet/leaflet.css`);
    const narrow = matchMedia("(pointer: coarse)").matches; // a finger scrolls the page; two fingers move the map
    const map = L.map(this.$el, {
      attributionControl: Boolean(this.tiles.url),
      zoomControl: false,
      scrollWheelZoom: false,
      dragging: !narrow,
      zoomSnap: 0.25,
      zoomDelta: 0.5,
      minZoom: 8,
      maxZoom: 18,
    });
    map.setView([0, 0], 12);
    this.$el.setAttribute("role", "application");
    this.$el.setAttribute("aria-label", this.words.help);
    map.getPane("overlayPane").setAttribute("aria-hidden", "true"); // lines and dots say nothing that the marks do not
    L.control.zoom({ zoomInTitle: this.words.zoom_in, zoomOutTitle: this.words.zoom_out }).addTo(map);
    new FitControl({ title: this.words.fit, act: () => this.fit() }).addTo(map);
    map.on("focus click", () => map.scrollWheelZoom.enable());
    map.on("blur", () => map.scrollWheelZoom.disable());
    map.on("zoomstart", () => this.$el.classList.add("is-zooming"));
    map.on("zoomend", () => {
      this.$el.classList.toggle("is-close", map.getZoom() >= CLOSE_ZOOM);
      requestAnimationFrame(() => this.$el.classList.remove("is-zooming"));
    });
    if (this.tiles.url) L.tileLayer(this.tiles.url, { attribution: this.tiles.credit, maxZoom: 18 }).addTo(map);
    this.map = Vue.markRaw(map);
    this.standing = Vue.markRaw(L.layerGroup().addTo(map));
    this.moving = Vue.markRaw(L.layerGroup().addTo(map));
    this.marks = Vue.markRaw({ vehicle: new Map(), display: new Map() });
    this.observer = new ResizeObserver(() => {
      map.invalidateSize({ animate: false });
      if (!this.touched) this.fit();
    });
    this.observer.observe(this.$el);
    map.on("dragstart zoomstart", (event) => {
      if (!this.fitting) this.touched = true;
    });
    await this.loadPlan();
    this.ready = true;
    this.waiting.splice(0).forEach((patch) => this.apply(patch));
  },
  unmounted() {
    this.observer?.disconnect();
    this.map?.remove();
  },
  watch: {
    planUrl() {
      this.loadPlan();
    },
  },
  methods: {
    async loadPlan() {
      const answer = await fetch(window.path_prefix + this.planUrl);
      if (!answer.ok) return; // a newer plan's address is on its way
      const plan = await answer.json();
      this.standing.clearLayers();
      const lines = plan.lines.filter((line) => line.points.length > 1);
      // Where routes share a street the first lies widest, so that each still shows beside the others.
      const routes = [...new Set(lines.map((line) => line.route))];
      const step = routes.length > 1 && routes.length <= NESTED ? 5 / (routes.length - 1) : 0;
      const weight = (route) => (step ? 3 : 4) + step * (routes.length - 1 - routes.indexOf(route));
      for (const { points } of lines) {
        const options = { className: "route-casing", weight: weight(routes[0]) + 4, interactive: false };
        L.polyline(points, options).addTo(this.standing);
      }
      for (const { points, colour, route } of lines) {
        const line = L.polyline(points, { className: "route-line", color: colour, weight: weight(route), smoothFactor: 0.5 });
        line.bindTooltip(() => element("b", "", route), { sticky: true, className: "mark-tip" });
        line.addTo(this.standing);
      }
      for (const { at, name, displays } of plan.stops) {
        const stop = L.circleMarker(at, { className: displays ? "stop stop-display" : "stop", radius: 4 });
        stop.bindTooltip(() => element("b", "", name), { direction: "top", className: "mark-tip" });
        stop.addTo(this.standing);
      }
      this.$el.classList.toggle("is-crowded", plan.stops.length > CROWDED);
      const points = [...lines.flatMap((line) => line.points), ...plan.stops.map((stop) => stop.at)];
      this.bounds = points.length ? L.latLngBounds(points) : null;
      this.fit();
    },
    fit() {
      this.touched = false;
      this.fitting = true;
      let bounds = this.bounds;
      if (!bounds) {
        const places = Object.values(this.marks).flatMap((kind) => [...kind.values()].map((m) => m.marker.getLatLng()));
        bounds = places.length ? L.latLngBounds(places) : null;
      }
      if (bounds) this.map.fitBounds(bounds, { paddingTopLeft: [70, 24], paddingBottomRight: [70, 48], animate: false, maxZoom: 16 });
      this.fitting = false;
    },
    apply(patch) {
      if (!this.ready) {
        this.waiting.push(patch);
        return;
      }
      this.change("vehicle", patch.vehicles ?? [], patch.left ?? []);
      this.change("display", patch.displays ?? [], patch.removed ?? []);
      this.$el.classList.toggle("is-full", this.marks.vehicle.size > MANY);
      if (!this.bounds && !this.touched) this.fit();
    },
    tell(id, details) {
      (this.marks.vehicle.get(id) ?? this.marks.display.get(id))?.tell(details);
    },
    change(kind, changed, gone) {
      const marks = this.marks[kind];
      for (const id of gone) {
        marks.get(id)?.marker.remove();
        marks.delete(id);
      }
      for (const wired of changed) {
        const id = wired[0];
        if (!marks.has(id)) marks.set(id, new Mark(id, kind, this.moving, (id) => this.$emit("point", id)));
        marks.get(id).show(wired);
      }
    },
  },
};
