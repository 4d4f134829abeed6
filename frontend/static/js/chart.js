// <vitrine-chart option="#id-of-a-json-script"> draws an ECharts option that the server wrote.
// On a canvas: drawn as SVG it would set inline styles, which the pages' Content-Security-Policy forbids.
class Chart extends HTMLElement {
  connectedCallback() {
    const option = JSON.parse(document.querySelector(this.getAttribute("option")).textContent);
    const fontFamily = getComputedStyle(document.body).fontFamily;
    this.chart = window.echarts.init(this, null, { renderer: "canvas" });
    this.chart.setOption({ animation: false, textStyle: { fontFamily }, ...option });
    this.observer = new ResizeObserver(() => this.chart.resize());
    this.observer.observe(this);
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.chart.dispose();
  }
}

customElements.define("vitrine-chart", Chart);
